from __future__ import annotations

import random
from itertools import permutations

from search.journal.epoch_block import EpochBlock
from search.pruning.curve import Curve, Point
from search.state.incumbents import Incumbents

TRIALS, EPOCHS = 4, 5


def curve_of(values: list[float]) -> Curve:
    return Curve("max", [Point(epoch, value, 1.0) for epoch, value in enumerate(values, start=1)])


def block_of(trial: int, values: list[float]) -> EpochBlock:
    """All epochs of a trial that took turns with the others."""
    return EpochBlock(
        trial=trial,
        time=0.0,
        began=0.0,
        checkpoints=[],
        largest_bytes=0,
        seqs=[10 + TRIALS * index + trial for index in range(EPOCHS)],
        epochs=list(range(1, EPOCHS + 1)),
        values=[*values],
        losses=[None] * EPOCHS,
        held_out=[None] * EPOCHS,
        phases=["main"] * EPOCHS,
        seconds=[1.0] * EPOCHS,
        spreads=[None] * EPOCHS,
    )


def test_incumbents_are_the_same_in_whatever_order_the_trials_are_added() -> None:
    draw = random.Random(0)
    values = {trial: [draw.random() for _ in range(EPOCHS)] for trial in range(TRIALS)}
    best, expected = 0.0, []
    for index in range(EPOCHS):
        for trial in range(TRIALS):
            smoothed = curve_of(values[trial][: index + 1]).smoothed_value or 0.0
            if smoothed > best:
                best = smoothed
                expected.append((TRIALS * index + trial + 1, trial, smoothed))
    assert len(expected) > 1
    for order in permutations(range(TRIALS)):
        incumbents = Incumbents()
        for trial in order:
            incumbents.add(block_of(trial, values[trial]), curve_of(values[trial]))
        assert incumbents.rises() == expected
