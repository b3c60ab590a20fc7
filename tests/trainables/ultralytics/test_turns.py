"""A loop in another thread, in turns with its caller."""

from __future__ import annotations

import pytest

from trainables.ultralytics.turns import Turns


def test_the_loop_runs_from_wait_to_wait() -> None:
    seen: list[int] = []

    def loop() -> None:
        for number in range(2):
            seen.append(number)
            turns.wait(f"after {number}")

    turns = Turns(loop)
    assert seen == []
    assert [turns.advance(), list(seen)] == ["after 0", [0]]
    assert [turns.advance(), list(seen)] == ["after 1", [0, 1]]
    assert turns.advance() is None


def test_what_the_loop_raises_is_raised_here() -> None:
    def loop() -> None:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        Turns(loop).advance()


def test_closing_ends_the_loop_where_it_waits_and_lets_it_clean_up() -> None:
    done: list[str] = []

    def loop() -> None:
        try:
            turns.wait("here")
            done.append("went on")
        except Exception:
            done.append("took it for an error")
        finally:
            done.append("cleaned up")

    turns = Turns(loop)
    turns.advance()
    turns.close()
    turns.close()
    assert done == ["cleaned up"]


def test_closing_what_never_began_does_nothing() -> None:
    Turns(lambda: None).close()
