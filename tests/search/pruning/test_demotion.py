"""A training about which the rules have doubts is demoted: paused at once, behind all others, and not ended."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point
from search.pruning.decision import Decision
from search.pruning.promoting import PromotingASHA
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import doubtful, verdict
from trainables.settings import parse

SWINGS = [0.3, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3]


def doubt(
    values: Sequence[float | None],
    losses: Sequence[float] = (),
    held_out: Sequence[float | None] = (),
    median: float | None = None,
    warm_up: int = 0,
    max_epochs: int = 100,
    **fields: object,
) -> Decision | None:
    losses, held_out = losses or [1.0] * len(values), held_out or [None] * len(values)
    phases = ["warmup"] * warm_up + ["main"] * (len(values) - warm_up)
    points = [Point(*point) for point in zip(range(1, 1 + len(values)), values, losses, held_out, phases, strict=True)]
    settings = parse(StabilitySettings, fields, "stability")
    curve = Curve("max", points)
    decision = doubtful(curve, max_epochs, settings, peers=lambda epoch: median)
    if decision is not None:
        assert decision.action == "pause"
    return decision


def reason(decision: Decision | None) -> str | None:
    return decision.reason if decision else None


# --- which ---------------------------------------------------------------------------------------------------------


def test_a_metric_that_swings_below_its_peers_is_doubtful_and_no_reason_to_end() -> None:
    decision = doubt(SWINGS, median=0.5, max_epochs=20)
    assert reason(decision) == "oscillating"
    assert decision is not None
    assert decision.numbers["cv"] > 0.2
    curve = Curve("max", [Point(epoch, value, 1.0) for epoch, value in enumerate(SWINGS, start=1)])
    assert verdict(curve, 20, StabilitySettings(), peers=lambda epoch: 0.5) is None


@pytest.mark.parametrize("median", [None, 0.2, 0.3])
def test_who_swings_but_is_not_below_its_peers_is_not_doubtful(median: float | None) -> None:
    assert doubt(SWINGS, median=median, max_epochs=20) is None


def test_a_warm_up_may_swing() -> None:
    assert doubt(SWINGS, median=0.5, warm_up=10, max_epochs=20) is None
    assert reason(doubt(SWINGS[:4] + SWINGS, median=0.5, warm_up=4, max_epochs=20)) == "oscillating"


def test_what_would_end_a_training_later_is_doubtful_sooner() -> None:
    assert reason(doubt([0.0] * 30)) == "collapsed"
    assert reason(doubt([0.049] * 30, median=0.2)) == "collapsed"
    assert reason(doubt([0.5] + [0.4] * 12, held_out=[1.0] * 8 + [2.0] * 5)) == "diverging"
    assert reason(doubt([0.5] * 5, losses=[2.0, 1.0, 2.1, 2.5, 2.2])) == "diverging"


def test_nothing_is_doubtful_if_the_user_wants_it_so() -> None:
    assert doubt([0.0] * 30, demote=False) is None
    assert doubt(SWINGS, median=0.5, max_epochs=20, demote_cv=0.0) is None
    assert doubt([0.0] * 30, demote_after=0.31) is None


# --- what becomes of it --------------------------------------------------------------------------------------------


def asha_with(values: Sequence[float], rung: int = 1, max_epochs: int = 100) -> PromotingASHA:
    """Trials that are paused at the first rung, the first of which are promoted as far as there is quota."""
    asha = PromotingASHA(rung, 1.4, max_epochs, min_peers=1)
    for trial, value in enumerate(values):
        asha.start(trial, {})
        asha.arrive(trial, Curve("max", [Point(rung, value, 1.0)]))
        asha.record(trial, rung, "pause")
    return asha


def promoted(asha: PromotingASHA, remaining: int = 0) -> int | None:
    promotion = asha.promotable(remaining)
    if promotion:
        asha.record(*promotion, "continue")
    return promotion[0] if promotion else None


def test_a_demoted_trial_stands_behind_all_others_at_the_rung_that_it_passed_last() -> None:
    asha = asha_with([0.9, 0.8, 0.7, 0.6], rung=8)
    assert [promoted(asha) for _ in range(5)] == [0, 1, 2, 3, None]
    assert asha.demotion(0) == 8
    asha.demote(0, 8)
    assert asha.rung_result(0, 8).rank == 4
    assert promoted(asha) is None, "its place is kept for it, and nobody has failed"
    asha.end(2, "nonfinite")
    assert promoted(asha) == 0


def test_a_trial_is_demoted_once_at_each_rung() -> None:
    asha = asha_with([0.9, 0.8], rung=8)
    assert promoted(asha) == 0
    asha.demote(0, 8)
    asha.end(1, "failed")
    assert promoted(asha) == 0
    assert asha.demotion(0) is None, "it trains to its next rung"
    asha.arrive(0, Curve("max", [Point(epoch, 0.9, 1.0) for epoch in range(1, 12)]))
    assert asha.demotion(0) == 11


def test_before_its_first_rung_a_trial_cannot_be_demoted() -> None:
    asha = PromotingASHA(8, 1.4, 100, min_peers=1)
    asha.start(0, {})
    asha.arrive(0, Curve("max", [Point(1, 0.5, 1.0)]))
    assert asha.demotion(0) is None


def test_a_demoted_trial_does_not_lead() -> None:
    asha = asha_with([0.9, 0.1, 0.2, 0.3], rung=8, max_epochs=1000)
    assert promoted(asha, remaining=5) == 0
    asha.demote(0, 8)
    assert asha.promotable(remaining=5) == (3, 8)


VALUES = st.lists(st.floats(0, 1, width=16), min_size=1, max_size=12)


@given(values=VALUES, peers=st.integers(1, 8), seed=st.integers(0, 10**6), demoting=st.floats(0, 0.6))
def test_whatever_is_demoted_a_sweep_ends_and_trains_one_trial_to_completion(
    values: list[float], peers: int, seed: int, demoting: float
) -> None:
    """Every trial is paused, trained to completion or can still be promoted; no demotion ends one."""
    rng = random.Random(seed)
    asha = PromotingASHA(2, 1.4, 20, peers)
    running: dict[int, int] = {}
    epochs = dict.fromkeys(range(len(values)), 0)
    waiting, done, demotions = list(values), set(), 0
    for _ in range(20 * len(values) * 20):
        while len(running) < 3:
            if promotion := asha.promotable(len(waiting)):
                asha.record(*promotion, "continue")
                running[promotion[0]] = epochs[promotion[0]]
            elif waiting:
                trial = len(values) - len(waiting)
                waiting.pop()
                asha.start(trial, {})
                running[trial] = 0
            else:
                break
        if not running:
            break
        trial = rng.choice(sorted(running))
        epochs[trial] += 1
        running[trial] = epochs[trial]
        asha.arrive(trial, Curve("max", [Point(epoch, values[trial], 1.0) for epoch in range(1, epochs[trial] + 1)]))
        if epochs[trial] == 20:
            asha.end(trial, "done")
            done.add(trial)
            del running[trial]
        elif (rung := asha.demotion(trial)) is not None and rng.random() < demoting:
            asha.demote(trial, rung)
            demotions += 1
            del running[trial]
        elif (due := asha.due(trial)) is not None:
            action = asha.action(trial, due, len(waiting))
            asha.record(trial, due, action)
            if action != "continue":
                del running[trial]
    assert not running
    assert not waiting
    assert done, "one trial at least is trained to completion, whatever was demoted"
