"""Document 002 as a sweep sees it: `python -m tests.bench.documents.document_002 SAMPLE/data.yaml [--seeds 0 1 2 3 4]`.

A table of some seeds, without the two trainings at a rate of 10, comes from `--seeds 0 1 --no-lr-10`.

For each seed, the demo's sweep (`docs/demo.yaml`), which holds `fixed`, `broken` and fourteen drawn trials: where each
of the two ends, and why; with `--scheduler stopping` under the kind of ASHA that others have. Then a learning rate that
kills the model, with and without the clamp: after how many epochs, and by which rule.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from search.check import check
from search.run import sweep_run
from search.state.sweep_state import SweepState
from search.sweep.spec import read_spec
from tests.support import REPOSITORY
from trainables.settings import read_yaml

DEMO = REPOSITORY / "docs" / "demo.yaml"
EPOCHS = 15


def sweep(data: Path, folder: Path, **fields: Any) -> SweepState:
    """The demo's sweep with other `fields`, without a limit on its time, confirmation and audit."""
    values = read_yaml(DEMO) | {"data": str(data)}
    values |= {"hours": None, "confirm_top": 0, "audit": 0.0} | fields
    spec = read_spec(values, "bench")
    checked = check(spec, f"sqlite:///{folder / 'mlflow.db'}")
    return sweep_run.launch(checked, folder, lambda row, state: None).state


def row(name: str, state: SweepState, number: int) -> str:
    """Where a trial ended, and why."""
    trial = state.trials[number]
    assert trial.decision is not None
    level = "–" if trial.curve.smoothed_value is None else f"{trial.curve.smoothed_value:.3f}"
    return f"| {name} | {trial.curve.epoch}/{EPOCHS} | {level} | {trial.decision.reason} | {trial.decision.detail} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--scheduler", default="asha")
    parser.add_argument("--lr-10", action=argparse.BooleanOptionalAction, default=True, help="the two at a rate of 10")
    given = parser.parse_args()
    print("| training | epochs | map50_95 | stopped by | detail |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in given.seeds:
            state = sweep(given.data, folder, name=f"seed-{seed}", seed=seed, scheduler=given.scheduler)
            print(row(f"fixed, seed {seed}", state, 0))
            print(row(f"broken, seed {seed}", state, 1), flush=True)
        for clamp in (True, False) if given.lr_10 else ():
            pinned = {"lr": 10.0, "clamp": clamp}
            alone = {"trials": 1, "enqueue": None, "set": pinned, "scheduler": "none"}
            state = sweep(given.data, folder, name=f"lr-10-{clamp}", **alone)
            print(row(f"lr 10, {'with' if clamp else 'without'} clamp", state, 0), flush=True)


if __name__ == "__main__":
    main()
