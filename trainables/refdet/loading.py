"""An epoch's episodes in their order, prepared ahead by threads.

Each episode has random numbers of its own, by epoch and index, so it is the same whoever prepares it, and when.
Threads rather than processes: they share the decoded frames, and decoding, resizing and colours leave Python's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 2
"""Items a thread that are prepared before they are needed; as many as torch's loaders."""
ItemT = TypeVar("ItemT")


def in_order(make: Callable[[int], ItemT], count: int, threads: int) -> Generator[ItemT]:
    """`make(0)` to `make(count - 1)`, in this order; `threads` of them prepare the next ones, if there are any.

    An exception of `make` is raised when its item is due. Closing the iterator ends the threads.
    """
    if not threads:
        yield from map(make, range(count))
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="episodes")
    ahead: deque[Future[ItemT]] = deque()
    indexes = iter(range(count))
    try:
        for _ in range(count):
            while len(ahead) < AHEAD * threads and (index := next(indexes, None)) is not None:
                ahead.append(pool.submit(make, index))
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
