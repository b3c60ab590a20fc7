"""Seeds that follow from a sweep's, one for each thing that is random in it."""

from __future__ import annotations

import random

MAX_SEED = 2**31 - 1


def derived(seed: int, purpose: str | int) -> int:
    """The seed for `purpose` in a sweep of that `seed`, from 0 to `MAX_SEED` - 1: the same whenever it is asked for."""
    return random.Random(f"{seed}/{purpose}").randrange(MAX_SEED)
