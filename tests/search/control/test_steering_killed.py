"""Requests of a sweep whose driver is killed at any moment."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.journal.events import Decided, EpochDone, Requested, Row, SweepEnded, TrialStarted, Verb
from search.journal.segments import Journal, read
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.sweep.requests import Request, RequestBox
from tests.support.fakes import plan_of
from tests.support.workers import Disk, Killed, Workers, coordinator_of, finish, reasons, rungs_of


class Box(RequestBox):
    """A box whose requests come at given moments, and whose process may be killed before a file is removed."""

    def __init__(self, folder: Path, kill_at: int | None = None) -> None:
        super().__init__(folder, listed_every=0)
        self._kill_at = kill_at

    def remove(self, request: Request) -> None:
        if self._kill_at is not None:
            self._kill_at -= 1
            if self._kill_at == 0:
                raise Killed
        super().remove(request)


def wishes(draw: random.Random, trials: int) -> list[tuple[int, Request]]:
    """Requests, each with the number of journalled rows after which it is asked; sound ones and others."""
    asked: list[tuple[int, Request]] = []
    for _ in range(draw.randint(1, 6)):
        verb: Verb = draw.choice(["add", "stop", "stop", "promote", "promote", "pause"])
        values = {"quality": draw.choice([0.001, 0.4, 0.9, 3])} if verb == "add" else {}
        asked.append((draw.randint(1, 80), Request(verb, draw.randrange(trials) if verb != "add" else None, values)))
    if draw.random() < 0.2:
        asked.append((draw.randint(20, 80), Request("stop")))
    return asked


def run_until(
    plan: Plan, folder: Path, disk: Disk, waiting: list[tuple[int, Request]], kill_after: int, kill_at_removal: int
) -> Coordinator | None:
    """Run the sweep on until its end, until it is paused, or until it is killed after so many events or removals."""
    count, journal = 0, folder / "journal"
    past = list(read(journal)) if journal.is_dir() else []
    box = Box(folder / "requests", kill_at_removal)

    def listen(row: Row, state: SweepState) -> None:
        nonlocal count
        count += 1
        for wish in [wish for wish in waiting if wish[0] <= len(past) + count]:
            waiting.remove(wish)
            box.put(wish[1])
        if count == kill_after:
            raise Killed

    workers = Workers(disk=disk, checkpoint_every=2)
    written = Journal(journal)
    coordinator = Coordinator(plan, written, delete=disk.delete, requests=box, listen=listen, clock=workers.clock)
    try:
        finish(coordinator, past, workers)
    except Killed:
        return None
    except KeyboardInterrupt:
        written.flush()
        return None
    return coordinator


@pytest.mark.parametrize("seed", range(12))
def test_each_request_is_answered_once_however_often_the_driver_is_killed(
    data: Path, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    policy: dict[str, Any] = draw.choice([{}, {"scheduler": "stopping"}, {"preset": "long", "min_peers": 3}])
    plan = plan_of(data, **{"trials": 8, "confirm_top": 1, "confirm_seeds": 1, "seed": seed} | policy)
    asked = wishes(draw, 8)
    waiting, disk, folder = list(asked), Disk(), tmp_path / "sweep"
    folder.mkdir()
    coordinator = None
    for kills in range(20):
        kill_after = draw.randint(5, 60) if kills < 8 else 0
        coordinator = run_until(plan, folder, disk, waiting, kill_after, draw.randint(1, 6) if kills < 8 else 0)
        if coordinator is not None:
            break
    assert coordinator is not None, "no progress"
    rows = list(read(folder / "journal"))
    happened = [row.event for row in rows]
    answered = Counter(event.request for event in happened if isinstance(event, Requested))
    assert set(answered.values()) <= {1}
    assert set(answered) == {request.id for _, request in asked} - {request.id for _, request in waiting}
    assert not list((folder / "requests").glob("*.json"))
    started = [event for event in happened if isinstance(event, TrialStarted)]
    assert [event.trial for event in started] == list(range(len(started)))
    accepted = [event for event in happened if isinstance(event, Requested) and event.accepted]
    added = [event for event in started if event.by_hand]
    assert [event.settings["quality"] for event in added] == [
        event.values["quality"] for event in accepted if event.verb == "add"
    ]
    stopped = [event.trial for event in happened if isinstance(event, Decided) and event.reason == "by_hand"]
    for event in accepted:
        if event.verb in ("stop", "promote") and event.trial is not None:
            assert event.trial in stopped
    if not coordinator.state.stopped_by_hand:
        assert len(coordinator.state.trials.search) == 8 + len(added)
    ended = Counter(event.trial for event in happened if isinstance(event, Decided) and event.action == "stop")
    assert ended == Counter(event.trial for event in started)
    epochs = Counter((event.trial, event.epoch) for event in happened if isinstance(event, EpochDone))
    assert set(epochs.values()) <= {1}
    assert sum(isinstance(event, SweepEnded) for event in happened) == 1
    # The journal alone gives back rungs, study and trials.
    again = coordinator_of(plan, tmp_path / "again", Workers())
    again.restore(rows)
    assert rungs_of(again) == rungs_of(coordinator)
    assert reasons(again) == reasons(coordinator)
    assert [(trial.state, trial.params) for trial in again.searcher.study.trials] == [
        (trial.state, trial.params) for trial in coordinator.searcher.study.trials
    ]
