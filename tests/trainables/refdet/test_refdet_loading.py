"""Episodes are prepared ahead, in their order."""

from __future__ import annotations

import threading

import pytest

from trainables.refdet.loading import AHEAD, in_order


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_items_come_in_their_order(threads: int) -> None:
    assert list(in_order(lambda index: index * index, 20, threads)) == [index * index for index in range(20)]


def test_a_few_are_prepared_before_they_are_asked_for() -> None:
    prepared: list[int] = []
    ready = threading.Event()

    def make(index: int) -> int:
        prepared.append(index)
        if len(prepared) == 2 * AHEAD:
            ready.set()
        return index

    items = in_order(make, 100, threads=2)
    assert next(items) == 0
    assert ready.wait(10)
    items.close()
    assert len(prepared) <= 2 * AHEAD + 1, "not the whole epoch"


@pytest.mark.parametrize("threads", [0, 2])
def test_what_fails_is_raised_when_its_item_is_due(threads: int) -> None:
    def make(index: int) -> int:
        if index == 3:
            raise ValueError("broken")
        return index

    items = in_order(make, 9, threads)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_closing_ends_the_threads() -> None:
    items = in_order(lambda index: index, 9, threads=2)
    next(items)
    items.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("episodes")]
