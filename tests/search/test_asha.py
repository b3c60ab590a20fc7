from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from search.asha import PromotingASHA

LEVELS = st.one_of(st.none(), st.floats(-1e9, 1e9))


def arrive(asha: PromotingASHA, trial: int, value: float | None, rung: int = 1) -> str:
    """A trial reports its level at a rung; returns what becomes of it."""
    action = asha.action(asha.standing(trial, rung, value))
    asha.record(trial, rung, value, action)
    return action


def promoted(asha: PromotingASHA, *, last: bool = False) -> int | None:
    """The next trial that may go on; it does."""
    for trial, standing in asha.promotable(last):
        asha.record(trial, standing.rung, standing.value, "continue")
        return trial
    return None


def test_the_first_trials_wait_until_there_are_as_many_as_the_factor() -> None:
    asha = PromotingASHA(1, 3, 9)
    assert [arrive(asha, 0, 0.1), arrive(asha, 1, 0.2)] == ["pause", "pause"]
    assert promoted(asha) is None


def test_the_best_third_goes_on_at_once() -> None:
    asha = PromotingASHA(1, 3, 9)
    arrive(asha, 0, 0.1)
    arrive(asha, 1, 0.2)
    assert arrive(asha, 2, 0.3) == "continue"
    assert promoted(asha) is None


def test_a_trial_that_waits_goes_on_when_enough_worse_ones_have_come() -> None:
    asha = PromotingASHA(1, 3, 9)
    assert [arrive(asha, trial, value) for trial, value in enumerate([0.5, 0.2, 0.3])] == ["pause", "pause", "pause"]
    assert promoted(asha) == 0
    assert promoted(asha) is None
    assert [arrive(asha, trial, 0.1) for trial in (3, 4, 5)] == ["pause", "pause", "pause"]
    assert promoted(asha) == 2


def test_the_trial_furthest_on_goes_first() -> None:
    asha = PromotingASHA(1, 3, 27)
    for trial, value in enumerate([0.5, 0.4, 0.3]):
        arrive(asha, trial, value, rung=3)
        arrive(asha, 10 + trial, value, rung=1)
    assert [promoted(asha), promoted(asha), promoted(asha)] == [0, 10, None]


def test_when_no_new_trial_will_come_the_best_of_a_rung_goes_on_though_they_are_few() -> None:
    asha = PromotingASHA(1, 3, 9)
    arrive(asha, 0, 0.1)
    arrive(asha, 1, 0.2)
    assert [promoted(asha, last=True), promoted(asha, last=True)] == [1, None]


def test_a_trial_without_a_value_has_nothing_to_wait_for() -> None:
    assert arrive(PromotingASHA(1, 3, 9), 0, None) == "stop"


def test_a_trial_that_was_given_up_does_not_go_on() -> None:
    asha = PromotingASHA(1, 2, 9)
    arrive(asha, 0, 0.9)
    asha.record(0, 1, 0.9, "stop")
    arrive(asha, 1, 0.1)
    assert promoted(asha, last=True) is None


def test_a_late_report_lands_on_the_highest_rung_that_was_reached_and_only_once() -> None:
    asha = PromotingASHA(1, 3, 81)
    assert asha.due(0, 11) == 9
    arrive(asha, 0, 0.5, rung=9)
    assert asha.due(0, 12) is None
    assert asha.due(0, 27) == 27


@given(st.lists(LEVELS, min_size=1, max_size=40), st.floats(1.1, 6), st.integers(0, 10**6))
def test_no_trial_is_lost_and_none_goes_on_twice(values: list[float | None], factor: float, seed: int) -> None:
    """Whatever the order of arrivals and promotions, each trial stopped, went on once, or still waits."""
    asha = PromotingASHA(1, factor, 9)
    order = random.Random(seed)
    went_on: list[int] = []
    waiting: set[int] = set()
    for trial, value in enumerate(values):
        action = arrive(asha, trial, value)
        assert (action == "stop") == (value is None)
        if action == "continue":
            went_on.append(trial)
        elif action == "pause":
            waiting.add(trial)
        while order.random() < 0.5 and (found := promoted(asha)) is not None:
            assert found in waiting
            waiting.remove(found)
            went_on.append(found)
    assert len(went_on) == len(set(went_on))
    while (found := promoted(asha, last=True)) is not None:
        waiting.remove(found)
        went_on.append(found)
    assert len(went_on) + len(waiting) + values.count(None) == len(values)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40, unique=True), st.floats(1.1, 6))
def test_in_the_end_the_best_have_gone_on_in_whatever_order_they_came(values: list[float], factor: float) -> None:
    asha = PromotingASHA(1, factor, 9)
    went_on = set()
    for trial, value in enumerate(values):
        if arrive(asha, trial, value) == "continue":
            went_on.add(trial)
    while (found := promoted(asha)) is not None:
        went_on.add(found)
    places = int(len(values) / factor)
    best = sorted(range(len(values)), key=lambda trial: values[trial], reverse=True)[:places]
    assert set(best) <= went_on
