"""The report on a sweep's winner and its baseline, made in a process of its own at the sweep's end.

    SWEEPS/NAME/models/models.html                 what becomes a part of the sweep's report
    SWEEPS/NAME/models/winner.json, baseline.json  the numbers
    SWEEPS/NAME/models/seeds.json                  with `combine_seeds`: the winner's seeds averaged and as an ensemble

The recipes' predictors import torch and Ultralytics, which would stay in the driver with 700 MB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from search.state.outcome import best_checkpoint, seed_checkpoints
from search.state.sweep_state import SweepState
from search.sweep.environment import python_path
from search.sweep.folder import SweepFolder
from search.sweep.uri import is_uri, located
from search.views.seeds_together import FILE as SEEDS
from search.views.status_table import label
from trainables.atomic import new_folder, write_file
from trainables.errors import SteadytuneError
from trainables.held_out import Shows
from trainables.settings import parse_stored, read_yaml

MOST_EXAMPLES = 500
"""Held-out examples that are looked at: two models on all of COCO's 5,000 would take a CPU an hour."""
TASK, SPEC, PART = "task.json", "sweep.yaml", "models.html"
WINNER, BASELINE = "winner", "baseline"
_HOURS = 1.0
"""After so long the report is given up: the sweep's end must not wait for it for ever."""


def write_models(state: SweepState, folder: SweepFolder, winner: int) -> str:
    """Write the report on the exported winner and the baseline; returns a sentence if there is none, and why.

    Args:
        state: of the sweep.
        folder: of the sweep, with the winner's export.
        winner: its trial.
    """
    spec, recipe = state.plan.spec, state.plan.recipe
    if not isinstance(recipe, Shows) or not (folder.best / "checkpoint").is_dir():
        return ""
    if is_uri(spec.data):
        return "The report has no part on the winner's mistakes, since the data are not on this machine."
    models = [_model(f"{WINNER} (trial {label(state.trials[winner])})", WINNER, folder.best / "checkpoint")]
    baseline = next((trial for trial in state.trials.search if trial.is_baseline and trial.number != winner), None)
    kept = best_checkpoint(state, baseline.number, folder) if baseline else None
    if kept:
        models.append(_model(f"{BASELINE} ({recipe.baseline})", BASELINE, kept.path, kept.trial.started.settings))
    seeds = seed_checkpoints(state, winner, folder) if spec.combine_seeds else []
    task = {
        "data": located(spec.data),
        "models": models,
        "seeds": [_model(label(seed.trial), "", seed.path, seed.trial.started.settings) for seed in seeds],
    }
    with new_folder(folder.path / "models") as partial:
        write_file(partial / SPEC, spec.dump())
        write_file(partial / TASK, json.dumps(task))
        problem = _run(partial, max(1, int(spec.cpus)))
        for file in (SPEC, TASK):
            (partial / file).unlink()
    return f"The report has no part on the winner's mistakes: {problem}." if problem else ""


def _model(title: str, file: str, checkpoint: Path, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    values = read_yaml(checkpoint.parent / "settings.yaml") if settings is None else dict(settings)
    return {"title": title, "file": file, "checkpoint": str(checkpoint), "settings": values}


def _run(folder: Path, threads: int) -> str:
    """Have a process write into `folder`; returns what went wrong, or ""."""
    command = [sys.executable, "-m", "search.views.model_process", str(folder)]
    environment = os.environ | {"PYTHONPATH": python_path(), "OMP_NUM_THREADS": str(threads)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            timeout=3600 * _HOURS,
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {_HOURS:g} hours"
    return (done.stderr.strip().splitlines() or ["its process was killed"])[-1] if done.returncode else ""


def read_part(folder: SweepFolder) -> str:
    """The part of the sweep's report that `write_models` wrote; "" if there is none."""
    file = folder.path / "models" / PART
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _write(folder: Path) -> None:
    from search.sweep.plan import make_plan
    from search.sweep.spec import read_stored_spec
    from search.views.model_report import model_parts
    from trainables.judged import judge
    from trainables.seeds_together import score_together

    task = json.loads((folder / TASK).read_text(encoding="utf-8"))
    recipe = make_plan(read_stored_spec(read_yaml(folder / SPEC), SPEC), training=False).recipe
    opened = recipe.open(Path(task["data"]))
    judged, examples = [], []
    for model in task["models"]:
        settings = parse_stored(recipe.settings_type, model["settings"], model["title"])
        shown, each = judge(recipe, settings, opened, Path(model["checkpoint"]), model["title"], MOST_EXAMPLES)
        write_file(folder / f"{model['file']}.json", json.dumps(each.report.as_json(), indent=1))
        examples.append(shown)
        judged.append(each)
    write_file(folder / PART, "\n".join(model_parts(examples[0], judged)))
    members = [
        (parse_stored(recipe.settings_type, seed["settings"], seed["title"]), Path(seed["checkpoint"]))
        for seed in task["seeds"]
    ]
    if len(members) > 1:
        together = score_together(recipe, members, opened, MOST_EXAMPLES)
        write_file(folder / SEEDS, json.dumps(asdict(together), indent=1))


def main(arguments: Sequence[str]) -> None:
    """`python -m search.views.model_process FOLDER`: does what the task in FOLDER says."""
    try:
        _write(Path(arguments[0]))
    except SteadytuneError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
