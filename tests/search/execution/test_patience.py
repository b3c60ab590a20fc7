"""A busy machine gets more time than Ray gives it."""

from __future__ import annotations

import pytest

from search.execution.patience import patient


def asked(answers_after: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a question was asked that has an answer after a number of times."""
    clock, times = [0.0], [0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("time.sleep", lambda pause: clock.__setitem__(0, clock[0] + pause))

    def ask(address: str, node: str) -> str:
        times[0] += 1
        if times[0] <= answers_after:
            raise RuntimeError("no such node yet")
        return f"{node} at {address}"

    assert patient(ask, seconds)("here", "node") == "node at here"
    return times[0]


def test_what_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(200, 300.0, monkeypatch) == 201
    assert asked(0, 300.0, monkeypatch) == 1


def test_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="no such node yet"):
        asked(1100, 300.0, monkeypatch)
