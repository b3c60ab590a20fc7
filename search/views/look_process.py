"""Collects what a data set holds in a process of its own.

The recipes' loaders import torch and Ultralytics, which would stay in the driver with 700 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from search.sweep.data_look import DataLook, read
from search.sweep.environment import python_path
from search.sweep.plan import Plan, make_plan
from search.sweep.spec import read_stored_spec
from search.views.data_look import look_at
from trainables.errors import SteadytuneError
from trainables.recipe import Recipe
from trainables.settings import read_yaml

SPEC = "sweep.yaml"
MISTAKE = 2
"""Exit code of a process that ended with a sentence for the user."""


def look_apart(plan: Plan, path: Path) -> DataLook:
    """What `look_at` gives for the data set at `path`, which the plan's recipe has opened before.

    Raises:
        SteadytuneError: the data cannot be shown, or the process was killed.
    """
    kind = type(plan.recipe)
    if kind.look is Recipe.look and kind.training_batch is Recipe.training_batch:
        return DataLook()
    with TemporaryDirectory() as folder:
        (Path(folder) / SPEC).write_text(plan.spec.dump(), encoding="utf-8")
        command = [sys.executable, "-m", "search.views.look_process", folder, str(path)]
        environment = os.environ | {"PYTHONPATH": python_path()}
        done = subprocess.run(
            command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace", check=False
        )
        last_line = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if done.returncode == MISTAKE:
            raise SteadytuneError(last_line)
        seen = read(Path(folder))
        if done.returncode or seen is None:
            reason = f"the process that looks at {path} ended with code {done.returncode} ({last_line})"
            raise SteadytuneError(f"data: {reason}; is there enough memory?")
    return seen


def main() -> None:
    """`python -m search.views.look_process FOLDER DATA`: writes into FOLDER, which holds the sweep's description."""
    folder, path = map(Path, sys.argv[1:])
    try:
        plan = make_plan(read_stored_spec(read_yaml(folder / SPEC), str(folder / SPEC)), training=False)
        look_at(plan, plan.recipe.open(path)).write(folder)
    except SteadytuneError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        sys.exit(MISTAKE)


if __name__ == "__main__":
    main()
