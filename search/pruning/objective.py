"""What a training is worth: one number, by which it is ranked, reported, confirmed and handed back.

    best_mean   the best mean of `WINDOW` evaluated epochs in a row. People deploy the best checkpoint rather than the
                last one, and a single epoch may be lucky. The default.
    best        the best single epoch, as trainers' own best.pt.
    last        the mean of the last `WINDOW` evaluated epochs: what a training keeps for good.

Before there are `WINDOW` of them, the mean is that of all. With `best_mean` and `best` a value that was seen stays
seen: a training that was stopped after its best epoch counts by it (`counts`).

A mean of 3: of 12 configurations of our own tables, each trained on one seed, the one chosen by it is 1.3 %
(`resnet_yolo`) and 3.9 % (`yolox`) behind the best of them on two other seeds; chosen by the last three epochs 1.4 and
4.2 %, by a single epoch 1.2 and 5.3 %, by the best mean of 10 epochs 1.2 and 5.7 % (`docs/notebook/pruning.md`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

ObjectiveName = Literal["best_mean", "best", "last"]

DEFAULT_OBJECTIVE: ObjectiveName = "best_mean"
EARLIER_OBJECTIVE: ObjectiveName = "last"
"""What sweeps that are older than the choice were ranked by."""

DESCRIPTION = (
    "what a training is ranked and handed back by: best_mean, its best mean of 3 evaluated epochs in a row; best, its "
    "best single epoch; last, the mean of its last 3, and only if it trained to its end"
)
"""Of a sweep's field."""

WINDOW = 3
"""Evaluated epochs that a mean is taken over."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The objective of a training so far.

    Attributes:
        value: the objective, in the metric's own sign.
        first, last: the evaluated epochs from and to which it is the mean.
        epoch: the one of them with the best value, the earliest of equals: the checkpoint to hand back is of it.
        count: how many evaluated epochs these are.
    """

    value: float
    first: int
    last: int
    epoch: int
    count: int


def reached(
    epochs: Sequence[int],
    values: Sequence[float],
    mode: str,
    objective: ObjectiveName,
    before: Reached | None = None,
    seen: int = 0,
) -> Reached | None:
    """The objective of a training; None without any value.

    Args:
        epochs: the evaluated ones, rising.
        values: the metric after each of them, finite.
        mode: whether a higher ("max") or a lower value ("min") is better.
        objective: see the module's docstring.
        before: the result for the first `seen` epochs, which are then not looked at again.
        seen: how many these are.
    """
    window = min(len(values), _window(objective))
    sign = 1.0 if mode == "max" else -1.0
    begin = max(seen, window - 1)
    if objective == "last" or seen < window:
        before = None  # the last mean takes the place of all, and so does the first whole one
    if objective == "last":
        begin = max(begin, len(values) - 1)
    highest, at = (sign * before.value if before else -math.inf), None
    for index in range(begin, len(values)):
        mean = sum(values[index - window + 1 : index + 1]) / window
        if (at is None and before is None) or sign * mean > highest:
            highest, at = sign * mean, index
    if at is None:
        return before
    first = at - window + 1
    best = max(range(first, at + 1), key=lambda index: sign * values[index])
    return Reached(sign * highest, epochs[first], epochs[at], epochs[best], window)


def _window(objective: ObjectiveName) -> int:
    return 1 if objective == "best" else WINDOW


def counts(reached: Reached | None, objective: ObjectiveName, finished: bool, checkpoints: Iterable[int]) -> bool:
    """Whether a training that has ended has a result that can be handed back.

    A training that was stopped before its last epoch counts by what it had reached until then, as long as it wrote a
    checkpoint in the epochs which that comes from, and these are enough for a whole mean: of many trainings that were
    stopped after one or two epochs, one was lucky. With `last` it does not count: its last epochs are no end.

    Args:
        reached: its objective.
        objective: which that is.
        finished: whether it trained to its last epoch.
        checkpoints: the epochs after which it wrote one.
    """
    if finished or objective == "last" or reached is None:
        return finished and reached is not None
    is_whole = reached.count == _window(objective)
    return is_whole and any(reached.first <= epoch <= reached.last for epoch in checkpoints)


Rating = tuple[float, float]
"""How good the model after an epoch is: the best mean that the epoch is part of, then its own value; oriented."""


def ratings(epochs: Sequence[int], values: Sequence[float], mode: str, objective: ObjectiveName) -> dict[int, Rating]:
    """How good the model after each evaluated epoch is; the highest is that of `Reached.epoch`.

    With `last` it is the epoch's own value: there the checkpoint that is handed back has always been the one with the
    best value.

    Args: those of `reached`.
    """
    if not values:
        return {}
    window = min(len(values), WINDOW if objective == "best_mean" else 1)
    sign = 1.0 if mode == "max" else -1.0
    oriented = [sign * value for value in values]
    means = [sum(oriented[end - window : end]) / window for end in range(window, len(oriented) + 1)]
    return {
        epoch: (max(means[max(0, index - window + 1) : index + 1]), oriented[index])
        for index, epoch in enumerate(epochs)
    }
