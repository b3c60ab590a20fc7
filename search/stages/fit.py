"""Whether each stage can start from the one before, tried with models that are not trained, in a process of its own.

Where a stage has not run, its untrained model stands for its winner: the shapes are the same unless the search
varies what they depend on. What the recipes import for that would stay in the driver with 700 MB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search.sweep.environment import python_path
from search.sweep.plan import Plan, make_plan
from search.sweep.spec import read_stored_spec
from search.sweep.uri import is_uri
from trainables.errors import SteadytuneError
from trainables.rehearsal import can_rehearse, other_classes, rehearse
from trainables.settings import parse
from trainables.start import start_settings

TASK, NOTES = "task.json", "notes.json"
MISTAKE = 2
"""Exit code of a process that ended with a sentence for the user."""


def check_fit(plans: Sequence[Plan], export: Path | None = None) -> list[str]:
    """Begin a training of each stage, from the one before; returns what the user should know of their classes.

    Args:
        plans: of the stages in their order. The first starts as its settings say.
        export: what it starts from, if that is an earlier sweep's.

    Raises:
        SteadytuneError: a stage cannot start from the one before; says which.
    """
    if not can_rehearse(plans[0].recipe) or any(is_uri(plan.spec.data) for plan in plans):
        return []
    with TemporaryDirectory() as folder:
        task = {"sweeps": [plan.spec.fields() for plan in plans], "export": str(export) if export else None}
        (Path(folder) / TASK).write_text(json.dumps(task), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "search.stages.fit", folder],
            env=os.environ | {"PYTHONPATH": python_path()},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        last_line = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if done.returncode == MISTAKE:
            raise SteadytuneError(last_line)
        if done.returncode:
            raise SteadytuneError(
                f"the process that tries whether the stages fit ended with code {done.returncode} ({last_line}); is "
                "there enough memory?"
            )
        return list(json.loads((Path(folder) / NOTES).read_text(encoding="utf-8")))


def _try(sweeps: Sequence[dict[str, Any]], export: Path | None, folder: Path) -> list[str]:
    notes: list[str] = []
    for number, values in enumerate(sweeps):
        spec = read_stored_spec(values, str(values.get("name")))
        recipe = make_plan(spec, training=False).recipe
        if number and export:
            spec = spec.model_copy(update={"set": {**spec.set, **start_settings(recipe, export)}})
        plan = make_plan(spec, training=False)
        settings = parse(recipe.settings_type, plan.named[0][1], spec.name) if plan.named else plan.settings({}, 0)
        data = recipe.open(Path(spec.data))
        workdir = folder / str(number)
        try:
            rehearse(recipe, settings, data, workdir)  # type: ignore[arg-type]  # the parent has asked `can_rehearse`
        except SteadytuneError as error:
            source = f" from the winner of {spec.starts_from}" if spec.starts_from else ""
            reason = str(error).replace(str(export), "its export") if export else str(error)
            raise SteadytuneError(f"sweep {spec.name} cannot start{source}: {reason}") from None
        if export and (differing := list(other_classes(data, export / "checkpoint"))):
            notes.append(f"{spec.name} has other classes than {spec.starts_from}: {'; '.join(differing)}.")
        export = workdir
    return notes


def main() -> None:
    """`python -m search.stages.fit FOLDER`: tries the sweeps of the task in FOLDER, and writes its notes there."""
    folder = Path(sys.argv[1])
    try:
        task = json.loads((folder / TASK).read_text(encoding="utf-8"))
        notes = _try(task["sweeps"], Path(task["export"]) if task["export"] else None, folder)
        (folder / NOTES).write_text(json.dumps(notes), encoding="utf-8")
    except SteadytuneError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        sys.exit(MISTAKE)


if __name__ == "__main__":
    main()
