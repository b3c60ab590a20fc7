"""Notices a worker that stands still: a stopped process, or one that waits for a dead disk or GPU.

An epoch that takes too long is ended inside its process (`search.execution.trainable`). A process that does not run at
all cannot do that. So each worker increases a number at the head node. If a trial has not reported for longer than an
epoch may take, the driver checks whether its number still grows. A worker that only waits for a storage still counts,
and is left alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from ray.experimental import internal_kv

BEAT_SECONDS = 5.0
GRACE_SECONDS = 60.0
"""A worker stands still if its number has not grown for this long: on a busy machine a thread may wait many seconds."""


def _key(trials_folder: str, trial: int) -> bytes:
    return f"steadytune heartbeat {trials_folder} {trial}".encode()


class Heartbeat:
    """A thread of a worker's process that increases a number at the head node, for one trial at a time."""

    def __init__(self) -> None:
        self._key = b""
        self._count = 0
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def of(self, trials_folder: str, trial: int) -> None:
        """Increase the number of this trial from now on."""
        self._key = _key(trials_folder, trial)

    def _beat(self) -> None:
        while True:
            self._count += 1
            if self._key:
                with suppress(Exception):  # the head node does not answer now, and the driver cannot read it either
                    internal_kv._internal_kv_put(self._key, str(self._count).encode(), overwrite=True)
            time.sleep(BEAT_SECONDS)


def read_count(trials_folder: str, trial: int) -> bytes:
    """The present number of a trial's worker; empty if the worker has not begun to count."""
    return bytes(internal_kv._internal_kv_get(_key(trials_folder, trial)) or b"")


class SilenceWatch:
    """Finds the trials whose workers stand still.

    Args:
        limit_seconds: how long an epoch may take.
        count: reads a trial's number.
        clock: the time in seconds.
    """

    def __init__(
        self, limit_seconds: float, count: Callable[[int], bytes], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._count, self._clock = limit_seconds, count, clock
        self._heard: dict[int, float] = {}
        self._suspects: dict[int, tuple[bytes, float]] = {}

    def hear(self, trial: int) -> None:
        """A trial has reported an epoch."""
        self._heard[trial] = self._clock()
        self._suspects.pop(trial, None)

    def standing_still(self, running: list[int]) -> list[int]:
        """Of the running trials, those whose workers have stood still for `GRACE_SECONDS` after the limit."""
        now = self._clock()
        self._heard = {trial: self._heard.get(trial, now) for trial in running}
        self._suspects = {trial: self._suspects[trial] for trial in running if trial in self._suspects}
        still = []
        for trial in running:
            if now - self._heard[trial] <= self._limit:
                continue
            count, since = self._suspects.get(trial, (None, now))
            latest = self._count(trial) if count is None or now - since > GRACE_SECONDS else count
            if latest != count:
                self._suspects[trial] = (latest, now)
            elif now - since > GRACE_SECONDS:
                still.append(trial)
        for trial in still:  # its next process begins without a history
            del self._heard[trial], self._suspects[trial]
        return still
