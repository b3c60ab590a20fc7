"""How many threads torch computes with."""

from __future__ import annotations

import os
import sys

VARIABLE = "OMP_NUM_THREADS"


def use(count: int | None) -> int:
    """Have torch use `count` threads in this process, to be called before it is imported; returns the number.

    Without a count it is what `OMP_NUM_THREADS` says, or one: the rule by which Ray's workers get theirs. A training
    alone is then as fast as in a sweep, and adds its sums in the same order. torch's own default, a thread for each
    core, waits for the slowest of them at every step when other programs use the machine.
    """
    if count is not None:
        os.environ[VARIABLE] = str(count)
    text = os.environ.setdefault(VARIABLE, "1").partition(",")[0]  # OpenMP takes a list, for nested regions
    number = int(text) if text.strip().isdecimal() and int(text) > 0 else 1
    if "torch" in sys.modules:  # a recipe's module may have imported it
        sys.modules["torch"].set_num_threads(number)
    return number
