"""Waits longer than Ray does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

POLL_SECONDS = 0.3


def patient(ask: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """`ask`, asked again while it raises RuntimeError, for at most `seconds` after the first time that it did."""
    deadline = float("inf")

    def waiting(*arguments: Any) -> Any:
        nonlocal deadline
        while True:
            try:
                return ask(*arguments)
            except RuntimeError:
                deadline = min(deadline, time.monotonic() + seconds)
                if time.monotonic() >= deadline:
                    raise
                time.sleep(POLL_SECONDS)

    return waiting
