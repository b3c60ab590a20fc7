"""Faults of a sweep's surroundings: its disk, its storage and the machine's clock."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from search.journal.events import Decided, Row
from search.journal.segments import read
from search.state.outcome import finalist_numbers, result
from search.state.sweep_state import SweepState
from search.storage.object_store import Storage
from search.storage.remote_sweep import reconcile
from search.sweep.folder import SweepFolder
from tests.bench.faults.faulty import fill
from tests.bench.faults.struck import (
    FAULT,
    NAME,
    Moment,
    at_moment,
    driven,
    events_of,
    launch,
    nothing,
    reached,
    state_of,
)
from tests.support.programs import CEPH
from tests.support.s3_server import S3Server
from tests.support.slow_proxy import SlowProxy
from trainables.errors import SteadytuneError

CLOCK_LIBRARY = "FAKETIME_LIBRARY"
"""Environment variable: the path of libfaketime's library, which the fault `clock set` needs.

Its stand-ins for sleeps and timers keep Ray from starting (`Errno 22`), so it has to be built without them:
`cc -shared -fPIC -std=gnu99 -DFAKE_STAT -DPREFIX='""' -DLIBDIRNAME='""' -Wl,--version-script=libfaketime.map
libfaketime.c -ldl -lm -lrt -lpthread`.
"""
LONGEST_SILENCE = 50.0
"""Of the storage, in seconds; the sweep notices after 40."""
MOST_DAYS = 400.0
"""By which the clock is set, forwards or back."""
NEEDED = {
    "clock set": lambda: "" if os.environ.get(CLOCK_LIBRARY) else f"{CLOCK_LIBRARY} names no library of libfaketime",
    "storage stands still": lambda: "" if CEPH.path else CEPH.reason,
}
"""Why a fault cannot be tried here; an empty text if it can."""


def disk_full(root: Path, kind: str, at: Moment) -> Any:
    """A training fills the disk on which the sweep's folder is."""
    ballast = _small_disk(root) / "ballast"
    return _mended(root, kind, "the disk is full", ballast.unlink)


def full_at_the_end(root: Path, kind: str, at: Moment) -> Any:
    """The disk has room for a part, or nothing, of what is written once the search has its winner."""
    sweeps = _small_disk(root)
    room = 4096 * random.Random(str(at)).randrange(3)  # a page holds one small file; the export has seven

    def listen(row: Row, state: SweepState) -> None:
        if isinstance(row.event, Decided) and _confirmed(state):
            fill(sweeps / "ballast", leave=room)

    state = _mended(root, kind, "the disk is full", (sweeps / "ballast").unlink, listen)
    best = SweepFolder(sweeps, NAME).best
    about = json.loads((best / "about.json").read_text())
    assert result(state).trial in (about["trial"], about["confirms"]), "another configuration was copied"
    assert list(best.glob("checkpoint/*")), "the winner's checkpoint was not copied"
    return state


def read_only(root: Path, kind: str, at: Moment) -> Any:
    """The sweep's folder takes no changes any more, not even root's."""

    def make_writable() -> None:
        subprocess.run(["chattr", "-R", "-i", str(root / "sweeps")], check=True)

    return _mended(root, kind, "can no longer be written there", make_writable)


def clock_set(root: Path, kind: str, at: Moment) -> Any:
    """The clock that the driver, Ray and the trainings read is set forwards or back."""
    offset = root / "offset"
    offset.write_text("+0")
    environment = {
        "LD_PRELOAD": os.environ[CLOCK_LIBRARY],
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    driver = driven(root, environment)
    while not reached(root, at):
        assert driver.poll() is None, "it ended before that"
        time.sleep(0.05)
    offset.write_text(f"{random.Random(str(at)).uniform(-MOST_DAYS, MOST_DAYS):+.0f}d")
    assert driver.wait() == 0, "it did not end"
    times = [row.time for row in read(SweepFolder(root / "sweeps", NAME).journal)]
    assert times == sorted(times), "the journal's times go back"
    assert times[-1] - times[0] < 86_400, "the hours of the sweep jumped with the clock"
    return state_of(root)


@cache
def _storage() -> tuple[S3Server, SlowProxy]:
    server = S3Server()
    server.start()
    os.environ.update(server.environment)
    return server, SlowProxy(server.port)


@contextmanager
def storage(needed: bool) -> Iterator[None]:
    """For the block, an S3 server; it has to be there before Ray starts, whose processes take its credentials over."""
    if not needed:
        yield
        return
    server, proxy = _storage()
    try:
        yield
    finally:
        proxy.close()
        server.close()


def storage_still(root: Path, kind: str, at: Moment) -> Any:
    """The storage accepts connections and answers nothing for a while; all is there at the end."""
    server, proxy = _storage()
    seconds = random.Random(str(at)).uniform(1, LONGEST_SILENCE)
    uri = server.uri.replace(str(server.port), str(proxy.port)).replace("/sweeps?", f"/{root.name}?")
    told = root / "data" / FAULT
    told.write_text(json.dumps({**json.loads(told.read_text()), "storage": uri}))

    def fall_silent() -> None:
        proxy.answers.clear()
        threading.Timer(seconds, proxy.answers.set).start()

    state = launch(root, kind, at_moment(at, fall_silent)).state
    elsewhere = SweepFolder(root / "elsewhere", NAME)
    elsewhere.path.mkdir(parents=True)
    reconcile(elsewhere, Storage(uri, NAME))
    fetched = [row.event for row in read(elsewhere.journal)]
    assert fetched == events_of(root), "the storage has another journal"
    return state


def _confirmed(state: SweepState) -> bool:
    """Whether all trainings have ended, those on fresh seeds too."""
    trials = state.trials.values()
    confirmations = sum(trial.started.kind == "confirm" for trial in trials)
    return confirmations == len(finalist_numbers(state)) and all(trial.decision for trial in trials)


def _small_disk(root: Path) -> Path:
    sweeps = root / "sweeps"
    sweeps.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(sweeps)], check=True)
    return sweeps


def _mended(
    root: Path,
    kind: str,
    complaint: str,
    mend: Callable[[], None],
    listen: Callable[[Row, SweepState], None] = nothing,
) -> Any:
    """The sweep stops with `complaint`, its surroundings are mended, and it is resumed to its end; its state."""
    message = ""
    try:
        launch(root, kind, listen)
    except SteadytuneError as error:
        message = str(error)
    finally:
        mend()
    assert complaint in message, message or "it did not stop"
    return launch(root, kind, nothing, again=True).state
