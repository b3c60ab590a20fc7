"""What configurations of ultralytics are worth: drawn evenly, with half of the baseline's augmentation, or by steps.

    python -m tests.bench.search.random_draws DATA --task detect|segment [--count 14] [--epochs 12]

Each is trained once to its end by Ultralytics' own trainer: an eighth of YOLO26n's width, from random weights. The
kinds take turns. A sweep's first trials are drawn as the second, and those that its model chooses from; the third are a
few steps from the AdamW training that a sweep trains second, and so is half of that choice if this is a good one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
from pathlib import Path
from typing import Any

from search.sweep.augmentation import baseline_values
from search.sweep.plan import Plan, make_plan
from search.sweep.seeds import derived
from search.sweep.spec import read_spec
from spaces.cube import at_random, stepped
from tests.support.small_models import write_models
from trainables.ultralytics_import import isolated

EVENLY, HALF, STEPS = "drawn evenly", "half of the baseline's augmentation", "steps"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", choices=("detect", "segment"), default="detect")
    parser.add_argument("--count", type=int, default=14)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--kinds", nargs="+", choices=(EVENLY, HALF, STEPS), default=[EVENLY, HALF, STEPS])
    given = parser.parse_args()
    data = str(given.data.absolute())
    fitness: dict[str, list[float]] = {kind: [] for kind in given.kinds}
    with (
        tempfile.TemporaryDirectory() as scratch,
        contextlib.chdir(scratch),
        isolated(Path(scratch) / "ultralytics"),
    ):
        from ultralytics import YOLO

        model = write_models(Path(scratch) / "models")[given.task]
        pinned: dict[str, Any] = {"epochs": given.epochs, "imgsz": 64, "batch": 8, "nbs": 8, "workers": 0}
        pinned |= {"device": "cpu", "amp": False}
        spec = {"recipe": "ultralytics", "name": "draws", "data": data, "set": {**pinned, "model": model}}
        plan = make_plan(read_spec(spec, "draws"), training=False)
        for number in range(given.count):
            for kind in given.kinds:
                drawn = configuration(plan, kind, derived(0, f"draws/{kind}/{number}"))
                settings = {**{name: value for name, value in drawn.items() if name != "model"}, **pinned}
                folder = {"project": scratch, "name": f"{number}-{kind[:5]}", "plots": False, "verbose": False}
                with contextlib.redirect_stdout(io.StringIO()):
                    metrics = YOLO(model).train(**settings, **folder, data=data, seed=0)
                fitness[kind].append(float(metrics.fitness))
    for kind, values in fitness.items():
        shown = " ".join(f"{value:.3f}" for value in sorted(values, reverse=True))
        print(f"{kind}: mean {statistics.fmean(values):.3f}; {shown}")


def configuration(plan: Plan, kind: str, seed: int) -> dict[str, Any]:
    """One of that kind."""
    if kind == STEPS:
        return stepped(plan.space, plan.spec.set, seed, dict(plan.named)["adamw"])
    return at_random(plan.space, plan.spec.set, seed, baseline_values(plan) if kind == HALF else {})


if __name__ == "__main__":
    main()
