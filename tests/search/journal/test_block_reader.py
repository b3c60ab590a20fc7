"""A journal read as stretches: a sweep's state comes out as it does from the journal's rows."""

from __future__ import annotations

import math
import random
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from search.journal import block_reader as stretches
from search.journal import segments
from search.journal.epoch_block import EpochBlock
from search.journal.events import EpochDone
from search.journal.segments import Journal, read
from search.pruning.curve import Curve, Point
from search.state.follower import SweepFollower
from search.state.incumbents import Incumbents
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, rungs_of

SWEEP = {"trials": 8, "preset": "short", "confirm_top": 2, "confirm_seeds": 2, "audit": 0.5, "min_peers": 3, "seed": 3}


def picture(state: SweepState) -> dict[str, Any]:
    """All that a sweep's state says, but for sums of seconds."""
    return {
        "trials": {
            number: (trial.started, repr(trial.curve.points), trial.status, trial.decisions)
            for number, trial in state.trials.items()
        },
        "measured": [(list(trial.seconds), trial.largest_bytes, trial.curve.smoothed_value) for trial in state.search],
        "best": [(trial.curve.best, trial.curve.best_value, trial.curve.projected_value) for trial in state.search],
        "rungs": rungs_of(state),
        "groups": [list(state.running), list(state.paused), list(state.audits)],
        "promotable": state.scheduler.promotable(0),
        "incumbents": state.incumbents,
        "ends": (state.epochs, state.search_ended, state.ended, state.finalists(), state.earlier),
    }


def sums(state: SweepState) -> list[float]:
    return [state.active_seconds, state.utilisation, state.epoch_seconds]


def row_by_row(made: Plan, journal: Path) -> SweepState:
    state = SweepState(made)
    for row in read(journal):
        state.apply(row)
    return state


def sweep(data: Path, root: Path, **fields: Any) -> SweepFolder:
    """A sweep whose trials end in every way, three at a time, killed and resumed in its middle."""
    made = plan_of(data, **SWEEP | {"enqueue": ["steady", "wild"], "set": {"epochs": 12}} | fields)
    folder = SweepFolder.create(root, made.spec)
    workers = Workers(places=3, checkpoint_every=2)
    first = coordinator_of(made, folder.journal, workers)
    first.open(2)
    for _ in range(15):
        workers.fill(first)
        for trial in list(workers.running):
            workers.step(first, trial)
    first.halt(RuntimeError())
    workers.running.clear()
    coordinator = coordinator_of(made, folder.journal, workers)
    coordinator.restore(read(folder.journal))
    coordinator.open(3)
    workers.run(coordinator)
    coordinator.end(result(coordinator.state))
    return folder


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scheduler": "stopping"},
        {"scheduler": "freeze_thaw", "sampler": "tpe"},
        {"scheduler": "none"},
        {"recipe": "tests.support.fakes:Errors"},
    ],
    ids=["promoting", "stopping", "freeze-thaw", "no rungs", "lower is better"],
)
def test_stretches_add_up_to_what_the_rows_add_up_to(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    folder = sweep(data, tmp_path, **fields)
    seen, expected = SweepFollower(folder).look(), row_by_row(folder.plan(), folder.journal)
    # Freeze-thaw forecasts from all epochs in their order, which only the driver has; nothing shown hangs on it.
    compared = set(picture(seen)) - ({"rungs"} if fields.get("scheduler") == "freeze_thaw" else set())

    def shown(state: SweepState) -> dict[str, Any]:
        return {name: value for name, value in picture(state).items() if name in compared}

    monkeypatch.setattr(segments, "READ_ROWS", 13)
    assert shown(SweepFollower(folder).look()) == shown(expected), "however much is read at a time"
    assert {"done", "diverging"} <= {trial.decision.reason for trial in seen.trials.values() if trial.decision}
    assert {trial.started.kind for trial in seen.trials.values()} >= {"search", "confirm"}
    assert shown(seen) == shown(expected)
    assert sums(seen) == pytest.approx(sums(expected))


def test_a_sweep_that_is_looked_at_while_it_runs_is_as_its_journal_is(data: Path, tmp_path: Path) -> None:
    """Every look ends its stretches wherever the journal ends just then."""
    done = sweep(data, tmp_path / "done")
    again = SweepFolder.create(tmp_path / "again", done.spec())
    journal, onlooker = Journal(again.journal), SweepFollower(again)
    rows = list(read(done.journal))
    for start in range(0, len(rows), 37):
        for row in rows[start : start + 37]:
            journal.append(row.event)
        journal.flush()
        seen, expected = onlooker.look(), row_by_row(done.plan(), again.journal)
        assert picture(seen) == picture(expected), f"after event {start + 37}"
        assert sums(seen) == pytest.approx(sums(expected))


def test_many_epochs_become_few_stretches_that_end_at_the_rungs(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for epoch in range(1, 101):
        for trial in (0, 1):
            journal.append(EpochDone(trial, epoch, "main", {"score": 0.5}, {"train": 1.0}, {}, {}))
    journal.flush()
    found = [one for one in stretches.read(tmp_path / "journal", 0, "score", [10, 15]) if isinstance(one, EpochBlock)]
    assert [(one.trial, one.epochs[0], one.epochs[-1]) for one in found] == [
        (0, 1, 10), (1, 1, 10), (0, 11, 15), (1, 11, 15), (0, 16, 100), (1, 16, 100),
    ]  # fmt: skip


def test_what_an_epoch_does_not_have_stays_unknown(tmp_path: Path) -> None:
    """A number that is none differs from none at all: one is a training that is lost, the other says nothing."""
    journal = Journal(tmp_path / "journal")
    journal.append(EpochDone(0, 1, "warmup", {}, {}, {}, {}))
    journal.append(EpochDone(0, 2, "main", {"score": math.nan, "b": 1.0}, {"val": 2.0}, {}, {"a": 1.0, "b": 0.5}, 7.0))
    journal.append(EpochDone(0, 3, "main", {"b": 1.0, "score": 0.25}, {"train": math.inf}, {}, {}, 8.0, "there", 9))
    journal.flush()
    (found,) = stretches.read(tmp_path / "journal", 0, "score", [])
    assert isinstance(found, EpochBlock)
    assert repr(found.values) == "[None, nan, 0.25]"
    assert (found.losses, found.held_out) == ([None, None, math.inf], [None, 2.0, None])
    assert (found.phases, found.seconds, found.largest) == (["warmup", "main", "main"], [0.0, 1.5, 0.0], 9)


def test_incumbents_are_the_same_in_whatever_order_trials_are_told() -> None:
    """Four trials of five epochs that took turns; each is told whole, in every order."""
    draw = random.Random(0)
    values = {trial: [draw.random() for _ in range(5)] for trial in range(4)}
    best, expected = 0.0, []
    for place in range(5):
        for trial in range(4):
            level = Curve("max", points(values[trial][: place + 1])).smoothed_value or 0.0
            if level > best:
                best = level
                expected.append((4 * place + trial + 1, trial, level))
    for order in permutations(range(4)):
        incumbents = Incumbents(1.0)
        for trial in order:
            seqs = [10 + 4 * place + trial for place in range(5)]
            none: list[float | None] = [None] * 5
            done = EpochBlock(trial, 0.0, 0.0, 0, seqs, [1, 2, 3, 4, 5], [*values[trial]], none, none, [], [])
            incumbents.add(done, Curve("max", points(values[trial])))
        assert incumbents.rises() == expected
    assert len(expected) > 1


def points(values: list[float]) -> list[Point]:
    return [Point(epoch, value, 1.0) for epoch, value in enumerate(values, start=1)]
