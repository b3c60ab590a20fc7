from __future__ import annotations

import math

import pytest

from search.journal.events import Decided
from search.state.decisions import Decisions

PAUSED = Decided(3, 4, "pause", "rung", "ranked 2 of 9 – waits", {"rung": 4, "rank": 2, "value": 0.1 + 0.2})
PROMOTED = Decided(3, 4, "continue", "rung", "first\nof two lines", {"rung": 4, "cutoff": -math.inf})
ENDED = Decided(3, 9, "stop", "done", "trained all 9 epochs")


def decided(*events: Decided, settles: bool = False) -> Decisions:
    decisions = Decisions()
    for decision in events:
        decisions.append(decision)
        if settles:
            decisions.settle()
    return decisions


@pytest.mark.parametrize("settles", [False, True])
def test_decisions_come_back_as_they_were_made(settles: bool) -> None:
    decisions = decided(PAUSED, PROMOTED, ENDED, settles=settles)
    assert list(decisions) == [PAUSED, PROMOTED, ENDED]
    assert (len(decisions), decisions[0], decisions[-1], decisions[1:]) == (3, PAUSED, ENDED, [PROMOTED, ENDED])
    assert decisions == [PAUSED, PROMOTED, ENDED]


def test_without_any_there_is_no_last() -> None:
    assert not decided()
    assert list(decided()) == []


@pytest.mark.parametrize("settles", [False, True])
def test_the_last_one_can_be_taken_back_until_none_is_left(settles: bool) -> None:
    decisions = decided(PAUSED, PROMOTED, ENDED, settles=settles)
    for left in ([PAUSED, PROMOTED], [PAUSED], []):
        decisions.take_back()
        assert list(decisions) == left
