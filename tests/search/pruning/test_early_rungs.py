"""Rungs before the grace period put trials in order while others can still start, and leave none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search.journal.events import EpochDone, TrialStarted
from search.pruning.curve import Curve, Point
from search.pruning.promoting import PromotingASHA
from search.state.sweep_state import SweepState
from tests.support.asha import all_promoted
from tests.support.fakes import plan_of
from tests.support.workers import Workers, events, swept


def asha_with_early_rungs() -> PromotingASHA:
    """Rungs at 3, 6 and 12 of 24 epochs, and early ones at 1 and 2; a rung waits for two trials."""
    return PromotingASHA(3, 2, 24, min_peers=2, early=[1, 2])


def curve(*values: float | None, warmup: int = 0) -> Curve:
    phases = ["warmup" if epoch <= warmup else "main" for epoch in range(1, len(values) + 1)]
    points = zip(values, phases, strict=True)
    return Curve("max", [Point(epoch, value, 1.0, None, phase) for epoch, (value, phase) in enumerate(points, 1)])


def paused_at_epoch_1(count: int) -> PromotingASHA:
    asha = asha_with_early_rungs()
    for trial in range(count):
        asha.start(trial, {})
        asha.arrive(trial, curve(0.1 * trial))
        assert asha.due(trial) == 1
        asha.record(trial, 1, "pause")
    return asha


def test_while_trials_can_start_an_early_rung_promotes_the_best() -> None:
    assert all_promoted(paused_at_epoch_1(6), remaining=9) == [5, 4, 3, 2], "(1/2)**.35 of six"


def test_once_no_trial_can_start_an_early_rung_promotes_all_the_best_first() -> None:
    assert all_promoted(paused_at_epoch_1(6), remaining=0) == [5, 4, 3, 2, 1, 0]


def test_an_early_rung_compares_a_trial_in_its_warm_up() -> None:
    asha = asha_with_early_rungs()
    asha.start(0, {})
    asha.arrive(0, curve(0.1, warmup=3))
    assert asha.due(0) == 1


def test_a_trial_without_a_value_passes_early_rungs_by_and_is_compared_at_the_first_after() -> None:
    asha = asha_with_early_rungs()
    asha.start(0, {})
    for epochs in ([None], [None, None]):
        asha.arrive(0, curve(*epochs))
        assert asha.due(0) is None
    asha.arrive(0, curve(None, None, 0.2))
    assert asha.due(0) == 3
    assert asha.rung_result(0, 1).peers == 1, "it counts at the rungs that it has passed"


def test_an_early_rung_puts_values_in_order_that_are_next_to_nothing() -> None:
    asha = PromotingASHA(3, 2, 24, min_peers=2, nothing=0.001, early=[1, 2])
    assert not asha.undecided(1)
    asha.start(0, {})
    asha.arrive(0, curve(0.0, 0.0, 0.0))
    assert asha.undecided(3)


def test_no_trial_is_demoted_to_an_early_rung() -> None:
    asha = asha_with_early_rungs()
    asha.start(0, {})
    asha.arrive(0, curve(0.1))
    asha.record(0, 1, "continue")
    assert asha.demotion(0) is None
    asha.arrive(0, curve(0.1, 0.1, 0.1))
    asha.record(0, 3, "continue")
    assert asha.demotion(0) == 3


def test_a_journal_without_decisions_at_early_rungs_is_read_as_before() -> None:
    """Sweeps that an earlier version began have decisions at the rungs after the grace period only."""
    asha = asha_with_early_rungs()
    for trial in range(3):
        asha.start(trial, {})
        for epochs in range(1, 4):
            asha.arrive(trial, curve(*[0.1 * trial] * epochs))
        assert asha.due(trial) == 3
        asha.record(trial, 3, "pause")
    assert asha.promotable(remaining=0) == (2, 3)


def swept_with(data: Path, journal: Path, **fields: Any) -> SweepState:
    plan = plan_of(data, trials=20, preset="long", enqueue=[], confirm_top=0, seed=1, sampler="random", **fields)
    return swept(plan, journal, Workers(places=1)).state


def started_by(journal: Path, epochs: int) -> int:
    """How many trials had started when all together had trained for so many epochs."""
    kinds = [type(event) for event in events(journal, object)]
    ends = [index for index, kind in enumerate(kinds) if kind is EpochDone]
    return kinds[: ends[epochs]].count(TrialStarted)


def test_every_trial_of_a_sweep_trains_to_the_end_of_the_grace_period(data: Path, journal: Path) -> None:
    state = swept_with(data, journal)
    assert len(state.trials.search) == 20
    assert {trial.decision.reason for trial in state.trials.search if trial.decision} == {"rung", "done"}
    assert min(trial.curve.epoch for trial in state.trials.search) == 3


def test_with_early_rungs_more_trials_start_sooner_in_no_more_epochs(data: Path, tmp_path: Path) -> None:
    early, given = tmp_path / "early", tmp_path / "given"
    with_early, without = swept_with(data, early), swept_with(data, given, grace_epochs=3)
    assert with_early.plan.early_rungs == [1, 2]
    assert without.plan.early_rungs == [], "no trial is paused in a grace period that the user gave"
    assert started_by(early, epochs=40) > started_by(given, epochs=40)
    assert with_early.epochs <= 1.1 * without.epochs
