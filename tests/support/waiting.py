"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_SECONDS = 600
"""A hang is told from a busy machine: nothing that tests wait for takes a tenth of this on an idle one."""


def wait_until(condition: Callable[[], bool], otherwise: Callable[[], str] = lambda: "") -> None:
    """Come back as soon as `condition` holds; fail with what `otherwise` says if it does not within the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)
