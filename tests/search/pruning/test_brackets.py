from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.brackets import Brackets, assigned, first_rungs
from search.pruning.curve import Curve, Point
from search.pruning.promoting import PromotingASHA
from search.pruning.stopping import StoppingASHA
from trainables.errors import SettingsError

END = 27


def brackets(*graces: int, trials: int = 12, peers: int = 1) -> Brackets:
    return Brackets([PromotingASHA(grace, 3, END, peers) for grace in graces], trials)


def train(asha: Brackets, trial: int, value: float, until: int, left: int = 0) -> str:
    """`trial` reports the same value after each epoch up to `until`; returns what became of it there, "" if nothing."""
    curve = Curve("max")
    for epoch in range(1, until + 1):
        curve.add(Point(epoch, value, 1.0))
        asha.arrive(trial, curve)
        rung = asha.due(trial)
        if rung is not None:
            action = asha.action(trial, rung, left)
            asha.record(trial, rung, action)
            if action != "continue":
                return action
    return ""


def test_each_bracket_has_its_first_rung_a_factor_later() -> None:
    assert first_rungs(1, 3, 3, END) == [1, 3, 9]
    assert first_rungs(4, 1.5, 2, END) == [4, 6]


def test_a_bracket_without_a_rung_is_refused() -> None:
    complaint = "brackets is 4, but the last one's first rung would lie at epoch 27 of 27; at most 3 fit"
    with pytest.raises(SettingsError, match=complaint):
        first_rungs(1, 3, 4, END)


def test_one_bracket_may_do_without_a_rung() -> None:
    assert first_rungs(END, 3, 1, END) == [END]


def test_a_bracket_gets_fewer_trials_the_later_it_compares_them() -> None:
    assert assigned([1, 1 / 3], 8) == [0, 0, 1, 0, 0, 0, 1, 0]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(0, 200))
def test_each_bracket_has_its_share_at_every_time(shares: list[float], trials: int) -> None:
    found = assigned(shares, trials)
    assert found[: trials // 2] == assigned(shares, trials // 2), "more trials do not change the places of the first"
    for bracket, share in enumerate(shares):
        assert abs(found.count(bracket) - trials * share / sum(shares)) <= len(shares)


def test_trials_are_compared_within_their_bracket_only() -> None:
    asha = brackets(1, 3, trials=4)
    for trial in range(4):
        asha.start(trial, {})
        train(asha, trial, 0.1 * trial, until=3, left=3 - trial)
    assert asha.rung_result(0, 1).peers == 3
    assert asha.rung_result(2, 3).peers == 1, "the only one of the second bracket, though it passed epoch 1 too"


def test_the_rungs_of_all_brackets_are_rungs() -> None:
    assert brackets(1, 3).rungs == [1, 3, 9]
    assert brackets(2, 3).rungs == [2, 3, 6, 9, 18]


def test_the_trial_furthest_on_is_promoted_first_whatever_its_bracket() -> None:
    asha = brackets(1, 3, trials=8)
    for trial in range(8):
        asha.start(trial, {})
        assert train(asha, trial, 0.5 - 0.01 * trial, until=3, left=8) == "pause"
    assert asha.promotable(0) == (2, 3)


def test_a_bracket_does_not_wait_for_trials_of_another() -> None:
    asha = brackets(1, 3, trials=3, peers=9)
    assert assigned([1, 1 / 3], 3) == [0, 0, 1]
    asha.start(0, {})
    assert train(asha, 0, 0.1, until=1, left=2) == "pause", "one of the two to come is its own"
    asha.start(1, {})
    assert train(asha, 1, 0.2, until=2, left=1) == "", "the one to come is another's, so the better of the two goes on"


def test_a_trial_that_is_no_part_of_the_search_is_in_no_bracket() -> None:
    brackets(1, 3).end(99, "done")


def test_stopping_brackets_stop_those_behind_at_their_own_first_rung() -> None:
    asha = Brackets([StoppingASHA(1, 3, END), StoppingASHA(3, 3, END)], 8)
    for trial in range(8):
        asha.start(trial, {})
    assert train(asha, 0, 0.9, until=1) == ""
    assert train(asha, 1, 0.1, until=1) == "stop"
    assert train(asha, 2, 0.2, until=2) == "", "its first rung is at epoch 3"
