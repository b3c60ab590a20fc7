"""A sweep of thousands of trials: what the driver keeps of each is small."""

from __future__ import annotations

from tests.bench.cost.trial_memory import traced_bytes

MOST = 6_000
"""Bytes. Measured: 4,800 of 300 trials (`tests/bench/cost/many.md`); of 60 a list's room to grow weighs more. It was
15,000."""


def test_a_trial_of_17_parameters_leaves_few_kilobytes() -> None:
    used, epochs = traced_bytes(60, "random")
    assert epochs > 5  # so there were curves and rungs
    assert used < MOST
