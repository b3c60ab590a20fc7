"""The small sweep that faults strike. One trial at a time, what it decides follows from its seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from search.journal.events import EpochDone, Row
from search.journal.segments import read
from search.run import sweep_run
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from search.tracking.recorder import Recorder

NAME = "sweep"
FAULT = "fault.json"
SETTLE_SECONDS = 90.0
"""Two agents of Ray's tell its head for 60 s that it is gone (`ray/_private/utils.py`), and end then."""
FOREVER = {  # kind: how the reason begins
    "exception": "RuntimeError: expected 3 channels, got 4",
    "MemoryError": "MemoryError",
    "always crashes": "its process crashed: Segmentation fault",
    "always hangs": "an epoch took longer than hang_minutes, which counts as a hang",
    "weights not finite": "weights of head are no longer finite",
    "checkpoints unwritable": "PermissionError",
}
"""What strikes a trial for good, and how the reason begins that it ends with."""

HANGS = ("hang", "always hangs", "process stands still")
"""What a sweep notices after `hang_minutes`."""


@dataclass(frozen=True)
class Moment:
    """Where a fault strikes."""

    trial: int
    epoch: int
    moment: str


class Unrecorded(Recorder):
    """Records nothing."""

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None: ...

    def watch(self, failed: Callable[[Exception], None]) -> None: ...


def launch(root: Path, kind: str, listen: Callable[[Row, SweepState], None], *, again: bool = False) -> Any:
    """The sweep, or the rest of it."""
    told = json.loads((root / "data" / FAULT).read_text())
    workers = told["workers"]
    values = {
        "name": NAME, "recipe": "tests.bench.faults.faulty:Faulty", "preset": "tiny",
        "data": str(root / "data"), "seed": 5,
        "trials": 4 if workers == 1 else 8, "workers": workers,
        "cpus": min(1.0, (os.cpu_count() or 1) / workers),  # a driver of its own has no more than the machine's
        "min_peers": 2, "confirm_top": 1, "confirm_seeds": 1, "keep_checkpoints": 2,
        "retries": 0 if kind in FOREVER else 1, "hang_minutes": 0.2 if kind in HANGS else 5.0,
        "storage": told.get("storage"),
    }  # fmt: skip
    plan = make_plan(read_spec(values, "bench"))
    return (sweep_run.resume if again else sweep_run.launch)(plan, root / "sweeps", listen)


def prepare(root: Path, kind: str, at: Moment | None, workers: int) -> None:
    """The data folder, with what is to happen in it."""
    (root / "data").mkdir(parents=True)
    told = {"kind": kind, **vars(at)} if at else {}
    (root / "data" / FAULT).write_text(json.dumps({"workers": workers, **told}))


def nothing(row: Row, state: SweepState) -> None:
    """Listens to nothing."""


def at_moment(at: Moment, act: Callable[[], None]) -> Callable[[Row, SweepState], None]:
    """Acts once the epoch of `at` has been reported."""
    done: list[bool] = []

    def listen(row: Row, state: SweepState) -> None:
        if isinstance(row.event, EpochDone) and (row.event.trial, row.event.epoch) == (at.trial, at.epoch) and not done:
            done.append(True)
            act()

    return listen


def events_of(root: Path) -> list[Any]:
    """The sweep's journal."""
    return [row.event for row in read(SweepFolder(root / "sweeps", NAME).journal)]


def state_of(root: Path) -> SweepState:
    """The sweep as its journal describes it."""
    folder = SweepFolder(root / "sweeps", NAME)
    state = SweepState(folder.plan())
    for row in read(folder.journal):
        state.apply(row)
    return state


def driven(root: Path, environment: Mapping[str, str] | None = None, *, again: bool = False) -> subprocess.Popen[bytes]:
    """The sweep, or the rest of it, in a process with a Ray of its own."""
    command = [sys.executable, "-m", "tests.bench.faults.faults", "--drive", str(root), *(["--again"] if again else [])]
    return subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def reached(root: Path, at: Moment) -> bool:
    """Whether the journal has the epoch of `at`."""
    if not SweepFolder(root / "sweeps", NAME).journal.is_dir():
        return False
    events = (event for event in events_of(root) if isinstance(event, EpochDone))
    return any((event.trial, event.epoch) == (at.trial, at.epoch) for event in events)


def outliving(family: list[psutil.Process]) -> int:
    """How many of the processes are still there after `SETTLE_SECONDS`."""
    _, alive = psutil.wait_procs(family, timeout=SETTLE_SECONDS)
    return len(alive)


def trainings() -> list[psutil.Process]:
    """The worker processes of this process' Ray."""
    processes = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "Trainable" in " ".join(process.cmdline()):  # ray::RecipeTrainable.train
                processes.append(process)
    return processes
