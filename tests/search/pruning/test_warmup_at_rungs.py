"""A trial's first rung comes after the warm-up that it has drawn itself, unless that takes much of its training."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from search.pruning.curve import Curve, Point
from search.pruning.freeze_thaw import FreezeThaw
from search.pruning.promoting import PromotingASHA
from search.pruning.rungs import milestones
from search.pruning.scheduler import Scheduler
from search.pruning.stopping import StoppingASHA
from spaces.cube import Configurations

EPOCHS = 100
RUNGS = milestones(3, 2, EPOCHS)
"""3, 6, 12, 24, 48 and 96."""


def freeze_thaw() -> FreezeThaw:
    configurations = Configurations(lambda started, near, by_steps: [{}], lambda values: [0.5])
    return FreezeThaw(RUNGS, EPOCHS, 9, configurations)


SCHEDULERS: dict[str, Callable[[], Scheduler]] = {
    "asha": lambda: PromotingASHA(3, 2, EPOCHS, 1),
    "stopping": lambda: StoppingASHA(3, 2, EPOCHS),
    "freeze_thaw": freeze_thaw,
}


def compared_at(scheduler: Scheduler, trial: int, warmup: int, value: float = 0.5) -> list[tuple[int, int]]:
    """Train to the end, going on at each rung: at which epoch the trial is compared, and at which rung."""
    curve, seen = Curve(), []
    scheduler.start(trial, {})
    for epoch in range(1, EPOCHS + 1):
        curve.add(Point(epoch, value, 1.0, None, "warmup" if epoch <= warmup else "main"))
        scheduler.arrive(trial, curve)
        rung = scheduler.due(trial)
        if rung is not None:
            seen.append((epoch, rung))
            scheduler.record(trial, rung, "continue")
    return seen


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize(
    ("warmup", "first"),
    [(0, 3), (2, 3), (3, 6), (5, 6), (6, 12), (12, 24), (15, 24)],
)
def test_the_first_rung_is_the_first_after_the_trials_own_warm_up(name: str, warmup: int, first: int) -> None:
    expected = [(rung, rung) for rung in RUNGS if rung >= first]
    assert compared_at(SCHEDULERS[name](), 0, warmup) == expected


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("warmup", [16, 24, 50, 100])
def test_a_warm_up_is_waited_for_until_16_percent_of_the_training(name: str, warmup: int) -> None:
    """A trial that only warms up would be compared at no rung, and train to its end whatever it reaches."""
    assert compared_at(SCHEDULERS[name](), 0, warmup) == [(rung, rung) for rung in RUNGS if rung > 16]


def test_who_warms_up_for_longer_counts_at_the_rungs_that_it_has_passed() -> None:
    """Quotas are of the trials that have trained so far, whenever they were compared first."""
    asha = PromotingASHA(3, 2, EPOCHS, 1)
    compared_at(asha, 0, warmup=4, value=0.9)
    curve = Curve("max", [Point(3, 0.1, 1.0)])
    asha.start(1, {})
    asha.arrive(1, curve)
    result = asha.rung_result(1, 3)
    assert (result.rank, result.peers) == (2, 2)


def test_a_rung_waits_for_those_that_still_warm_up_before_its_quota_is_final() -> None:
    asha = PromotingASHA(3, 2, EPOCHS, 2)
    warming = Curve("max", [Point(3, 0.1, 1.0, None, "warmup")])
    for trial in (0, 1):
        asha.start(trial, {})
    asha.arrive(0, warming)
    asha.arrive(1, Curve("max", [Point(3, 0.5, 1.0)]))
    assert asha.due(0) is None
    assert asha.action(1, 3, remaining=0) == "pause"
    asha.record(1, 3, "pause")
    asha.end(0, "nonfinite")
    assert asha.promotable(remaining=0) == (1, 3)


def test_a_decision_that_an_older_version_made_in_a_warm_up_stands() -> None:
    """A resumed sweep takes its journal as it is."""
    asha = PromotingASHA(3, 2, EPOCHS, 1)
    asha.start(0, {})
    asha.arrive(0, Curve("max", [Point(3, 0.5, 1.0, None, "warmup")]))
    asha.record(0, 3, "pause")
    assert asha.rung_result(0, 3).value == 0.5
    assert asha.promotable(remaining=0) == (0, 3)
