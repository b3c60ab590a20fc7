"""Peers that cannot share our environment, each in a process of its own interpreter (`serve.py` has the questions).

    for each NAME in ENVIRONMENTS:  uv venv --python 3.11 FOLDER/NAME
                                    uv pip install --python FOLDER/NAME REQUIREMENT
    python -m tests.bench.anytime.compare --peers FOLDER …

They plan by epochs rather than by trials, so no number of trials ends a sweep of theirs; each begins at one epoch and
keeps a third at each rung, which are their defaults.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from search.pruning.curve import Point
from spaces.cube import share
from tests.bench.own.recorded import Table
from tests.bench.own.systems import MakeSystem
from tests.bench.own.tabular import with_all_parameters
from tests.bench.public.groups import Group
from tests.support import REPOSITORY

ENVIRONMENTS = {
    "dehb": "dehb==0.1.2",
    "neps": "neural-pipeline-search==0.17.0",
    "smac": "smac==2.4.1",
    "syne_tune": "syne-tune[extra]==0.16.0",
    "syne_tune_0_13": "syne-tune[gpsearchers]==0.13.0",
}
"""By name, what is installed there. The module `in_NAME.py` runs in it."""

SYSTEMS = {
    "Syne Tune ASHA, promotion": "syne_tune_0_13",
    "Syne Tune PASHA": "syne_tune_0_13",
    "Syne Tune MOBSTER, promotion": "syne_tune_0_13",
    "Syne Tune BOHB": "syne_tune",
    "NePS async Hyperband": "neps",
    "NePS PriorBand": "neps",
    "SMAC multi-fidelity": "smac",
    "DEHB": "dehb",
}
"""By the name in the table, the environment."""

Ask = Callable[[dict[str, Any]], Any]


def peers(folder: Path) -> dict[str, MakeSystem]:
    """The systems whose environments are in `folder`, by the name in the table."""
    return {
        name: partial(_make, folder, name) for name, environment in SYSTEMS.items() if (folder / environment).exists()
    }


class Peer:
    """A peer on the trainings of `group`. A configuration that has trained before goes on where it stood.

    Args:
        ask: gives a question to the peer, which has begun its sweep, and returns its answer.
        group: the trainings, in the order of the configurations.
    """

    def __init__(self, ask: Ask, group: Group) -> None:
        self._ask, self._runs = ask, group.runs
        self._begun = 0
        self._epochs_of_row: dict[int, int] = {}
        self._row_of_job: dict[int, int] = {}

    def next(self) -> tuple[int, int, int] | None:
        """See `tests.bench.own.systems.System`."""
        while True:
            job, self._begun = self._begun, self._begun + 1
            answer = self._ask({"ask": job})
            if answer is None:
                return None
            row = self._row_of_job[job] = answer["row"]
            run, epochs = self._runs[row], self._epochs_of_row.get(row, 0)
            if epochs < min(answer["epochs"], len(run)):
                return job, row, epochs
            # Nothing is left to train: it is told at once what is known.
            last = run[min(answer["epochs"], len(run)) - 1]
            self._tell(job, answer["epochs"], last, over=True)

    def report(self, trial: int, point: Point, last: bool) -> bool:
        """See `tests.bench.own.systems.System`."""
        row = self._row_of_job[trial]
        self._epochs_of_row[row] = max(point.epoch, self._epochs_of_row.get(row, 0))
        return self._tell(trial, point.epoch, point, last)

    def _tell(self, job: int, epoch: int, point: Point, over: bool) -> bool:
        return bool(self._ask({"tell": job, "epoch": epoch, "value": point.value or 0.0, "over": over}))


def _make(folder: Path, system: str, table: Table, group: Group, seed: int, workers: int) -> Peer:
    ask = _process(folder, SYSTEMS[system])
    ask({"begin": described(system, table, seed)})
    return Peer(ask, group)


def described(system: str, table: Table, seed: int) -> dict[str, Any]:
    """The fields of `rows.Sweep`."""
    ranges = sorted(table.make_plan().ranges.items())
    drawn = with_all_parameters(
        [configuration.drawn for configuration in table.configurations], np.random.default_rng([seed, 2])
    )
    points = [
        [
            span.choices.index(values[name]) if span.kind == "choice" else share(values[name], span)
            for name, span in ranges
        ]
        for values in drawn
    ]
    return {
        "system": system,
        "choices": [len(span.choices) if span.kind == "choice" else 0 for _, span in ranges],
        "points": points,
        "epochs": table.max_epochs,
        "trials": table.trials,
        "seed": seed,
    }


@cache
def _process(folder: Path, environment: str) -> Ask:
    """The process of an environment, which serves one sweep after the other. It ends when its questions do."""
    python, module = folder.resolve() / environment / "bin" / "python", "tests.bench.anytime.peers.serve"
    process = subprocess.Popen(
        [python, "-W", "ignore", "-m", module, f"in_{environment}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tempfile.mkdtemp(),  # peers write their own records there, which nobody reads
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        text=True,
    )
    assert process.stdin
    assert process.stdout
    questions, answers = process.stdin, process.stdout

    def ask(question: dict[str, Any]) -> Any:
        questions.write(json.dumps(question) + "\n")
        questions.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{environment}: its process ended, see what it printed")
        return json.loads(line)

    return ask
