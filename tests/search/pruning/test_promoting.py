from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point
from tests.support.asha import all_promoted, arrive, asha_of, promoted

LEVELS = st.one_of(st.none(), st.floats(-1e9, 1e9))


def test_places_become_fewer_more_slowly_than_the_epochs_become_more() -> None:
    asha = asha_of(end=9)
    for trial in range(18):
        asha.start(trial, {})
        asha.arrive(trial, Curve("max", [Point(1, 0.01 * trial, 1.0)]))
        asha.record(trial, 1, "pause")
    assert all_promoted(asha, remaining=99) == [17, 16, 15, 14, 13, 12, 11], "(1/3)**.85 of 18, not a third"


def test_a_rung_waits_for_its_peers() -> None:
    asha = asha_of(peers=6)
    assert [arrive(asha, trial, 0.1 * trial, remaining=20) for trial in range(5)] == ["pause"] * 5
    assert arrive(asha, 5, 0.9, remaining=20) == "continue", "the sixth opens it, and is the best"
    assert all_promoted(asha, remaining=20) == [4], "two of six may train three times as long"


def test_a_rung_that_is_open_sends_its_best_on_at_once() -> None:
    asha = asha_of()
    arrive(asha, 0, 0.1, remaining=9)
    arrive(asha, 1, 0.2, remaining=9)
    assert arrive(asha, 2, 0.3, remaining=9) == "continue"
    assert promoted(asha, remaining=9) is None


def test_a_trial_that_waits_goes_on_when_enough_worse_ones_have_come() -> None:
    asha = asha_of(peers=3)
    assert [arrive(asha, trial, value, remaining=9) for trial, value in enumerate([0.5, 0.4, 0.3])] == ["pause"] * 3
    assert promoted(asha, remaining=9) == 0
    assert promoted(asha, remaining=9) is None
    assert [arrive(asha, trial, 0.1, remaining=9) for trial in (3, 4, 5)] == ["pause"] * 3
    assert promoted(asha, remaining=9) == 1


def test_when_no_more_can_come_at_least_one_trains_to_its_end() -> None:
    asha = asha_of(peers=8, end=27)
    assert arrive(asha, 0, 0.1, remaining=1) == "pause"
    assert arrive(asha, 1, 0.2, remaining=0) == "continue"
    for epoch in (3, 9):
        assert arrive(asha, 1, 0.2, remaining=0, epoch=epoch) == "continue"
    assert promoted(asha) is None


def test_while_others_are_still_below_the_last_rung_waits_for_them() -> None:
    asha = asha_of(peers=8)
    asha.start(1, {})
    assert arrive(asha, 0, 0.1, remaining=0) == "pause"
    asha.end(1, "failed")
    assert promoted(asha) == 0


def test_the_trial_furthest_on_goes_first() -> None:
    asha = asha_of(end=27)
    for trial in range(9):
        asha.start(trial, {})
        asha.arrive(trial, Curve("max", [Point(1, 0.9 - 0.1 * trial, 1.0)]))
        asha.record(trial, 1, "pause")
    assert promoted(asha, remaining=99) == 0
    asha.arrive(0, Curve("max", [Point(3, 0.9, 1.0)]))
    asha.record(0, 3, "pause")
    assert all_promoted(asha, remaining=99) == [0, 1, 2], "trial 0 from epoch 3, then the others from epoch 1"


def test_the_leader_goes_on_though_others_are_heading_higher() -> None:
    asha = asha_of(grace=4, end=12)
    falling = Curve("max", [Point(epoch, value, 1.0) for epoch, value in enumerate([0.2, 0.9, 0.5, 0.1], start=1)])
    rising = [Curve("max", [Point(epoch, value * epoch, 1.0) for epoch in range(1, 5)]) for value in (0.10, 0.11, 0.12)]
    assert falling.projected_value is not None
    assert all(
        curve.projected_value is not None and curve.projected_value > falling.projected_value for curve in rising
    )
    for trial, curve in enumerate([falling, *rising]):
        asha.start(trial, {})
        asha.arrive(trial, curve)
        asha.record(trial, 4, "pause")
    assert promoted(asha) == 0


def test_a_trial_without_a_value_has_nothing_to_wait_for() -> None:
    assert arrive(asha_of(), 0, None, remaining=5) == "stop"


def test_a_trial_that_was_given_up_does_not_go_on() -> None:
    asha = asha_of()
    arrive(asha, 0, 0.9, remaining=1)
    asha.end(0, "rung")
    asha.start(1, {})
    asha.arrive(1, Curve("max", [Point(1, 0.1, 1.0)]))
    asha.record(1, 1, "pause")
    assert promoted(asha) == 1


def test_a_leader_that_is_lost_leads_no_more() -> None:
    asha = asha_of(end=100)
    assert [arrive(asha, trial, value, remaining=9) for trial, value in enumerate([0.5, 0.4])] == ["pause"] * 2
    assert promoted(asha) == 0
    asha.end(0, "diverging")
    assert asha.rung_result(1, 1).rank == 1
    assert promoted(asha) == 1


def test_a_late_report_counts_at_every_rung_it_has_passed_and_waits_at_the_highest() -> None:
    asha = asha_of(end=81)
    asha.start(0, {})
    asha.arrive(0, Curve("max", [Point(11, 0.5, 1.0)]))
    assert asha.due(0) == 9
    asha.record(0, 9, "pause")
    assert asha.due(0) is None
    assert [asha.rung_result(0, rung).peers for rung in (1, 3, 9)] == [1, 1, 1]


@pytest.mark.parametrize("end", [1, 5])
def test_a_training_shorter_than_its_grace_has_no_rungs(end: int) -> None:
    asha = asha_of(grace=5, end=end)
    asha.start(0, {})
    asha.arrive(0, Curve("max", [Point(1, 0.5, 1.0)]))
    assert asha.rungs == []
    assert asha.due(0) is None
    assert asha.promotable(0) is None


@given(st.lists(LEVELS, min_size=1, max_size=40), st.floats(1.1, 6), st.integers(1, 10), st.integers(0, 10**6))
def test_no_trial_is_lost_and_none_goes_on_twice(
    values: list[float | None], factor: float, peers: int, seed: int
) -> None:
    """Whatever the order of arrivals and promotions, each trial stopped, went on once, or still waits."""
    asha = asha_of(factor=factor, peers=peers, end=100)
    order = random.Random(seed)
    went_on: list[int] = []
    waiting: set[int] = set()
    for trial, value in enumerate(values):
        remaining = len(values) - trial - 1
        action = arrive(asha, trial, value, remaining)
        assert (action == "stop") == (value is None)
        if action == "continue":
            went_on.append(trial)
        elif action == "pause":
            waiting.add(trial)
        while order.random() < 0.5 and (promotion := promoted(asha, remaining)) is not None:
            assert promotion in waiting
            waiting.remove(promotion)
            went_on.append(promotion)
    for trial in all_promoted(asha):
        waiting.remove(trial)
        went_on.append(trial)
    assert len(went_on) == len(set(went_on))
    assert len(went_on) + len(waiting) + values.count(None) == len(values)
    assert bool(went_on) == any(value is not None for value in values), "at least one is trained out"


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40, unique=True), st.floats(1.1, 6))
def test_the_best_has_gone_on_in_whatever_order_they_came(values: list[float], factor: float) -> None:
    asha = asha_of(factor=factor, end=100)
    went_on = set()
    for trial, value in enumerate(values):
        if arrive(asha, trial, value, remaining=len(values) - trial - 1) == "continue":
            went_on.add(trial)
    went_on |= set(all_promoted(asha))
    assert values.index(max(values)) in went_on


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_who_waits_together_goes_on_in_the_same_order_however_they_came(
    values: list[float], order: random.Random
) -> None:
    numbered = list(enumerate(values))
    orders = []
    for _ in range(2):
        asha = asha_of()
        for trial, value in numbered:
            asha.start(trial, {})
            asha.arrive(trial, Curve("max", [Point(1, value, 1.0)]))
        for trial, _value in numbered:
            asha.record(trial, 1, "pause")
        orders.append(all_promoted(asha))
        order.shuffle(numbered)
    assert orders[0] == orders[1]


def test_a_rung_says_how_many_more_arrivals_it_waits_for() -> None:
    asha = asha_of(peers=6)
    missing = []
    for trial in range(6):
        arrive(asha, trial, 0.1 * trial, remaining=20)
        missing.append(asha.awaits(1, remaining=20))
    assert missing == [5, 4, 3, 2, 1, 0]


def test_a_rung_whose_quota_is_below_one_trial_waits_for_more_however_few_peers_it_needs() -> None:
    asha = asha_of(peers=1)
    assert arrive(asha, 0, 0.5, remaining=9) == "pause"
    assert asha.awaits(1, remaining=9) == 2, "(1/3)**.85 of three are more than one"
    arrive(asha, 1, 0.4, remaining=9)
    arrive(asha, 2, 0.3, remaining=9)
    assert asha.awaits(1, remaining=9) == 0
    assert promoted(asha, remaining=9) == 0


def test_a_rung_at_which_no_more_can_arrive_waits_for_none() -> None:
    asha = asha_of(peers=6)
    asha.start(1, {})
    arrive(asha, 0, 0.1, remaining=0)
    assert asha.awaits(1, remaining=0) == 5, "another is still below"
    asha.end(1, "failed")
    assert asha.awaits(1, remaining=0) == 0


@given(
    st.lists(st.tuples(LEVELS, st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.floats(1.1, 6),
    st.integers(1, 10),
)
def test_asking_changes_nothing(steps: list[tuple[float | None, bool, bool]], factor: float, peers: int) -> None:
    """One scheduler is asked what it would do again and again, the other once: their decisions are the same.

    Each step brings a trial with a value to the first rung; perhaps one is promoted after it, and perhaps one fails.
    """
    asked, silent = (asha_of(factor=factor, peers=peers, end=100) for _ in range(2))
    for trial, (value, promotes, fails) in enumerate(steps):
        remaining = len(steps) - trial - 1
        for asha in (asked, silent):
            asha.start(trial, {})
            asha.arrive(trial, Curve("max", [Point(1, value, 1.0)]))
        for other in (0, remaining, remaining + 5):
            asked.action(trial, 1, other)
            asked.promotable(other)
            asked.awaits(1, other)
            asked.rung_result(trial, 1)
        actions = [asha.action(trial, 1, remaining) for asha in (asked, silent)]
        assert actions[0] == actions[1]
        for asha in (asked, silent):
            if actions[0] == "stop":
                asha.end(trial, "rung")
            else:
                asha.record(trial, 1, actions[0])
            if fails:
                asha.end(trial, "diverging")
        if promotes:
            assert promoted(asked, remaining) == promoted(silent, remaining)
    assert all_promoted(asked) == all_promoted(silent)
