"""The objective: one number for what a training is worth. Trainings are ranked, reported and exported by it.

    best_mean   the best mean of `WINDOW` evaluated epochs in a row. People deploy the best checkpoint rather than the
                last one, and a single epoch may be lucky. The default.
    best        the best single epoch, like the best.pt of most trainers.
    last        the mean of the last `WINDOW` evaluated epochs: what the training has at its end.

Before `WINDOW` epochs have been evaluated, the mean is that of all of them. With `best_mean` and `best` a training
keeps the best that it has reached: one that was stopped after its best epoch still counts by it (`counts`).

Why a mean of 3: of 12 configurations of our own tables, each trained on one seed, the one chosen by it is 1.28 %
(`resnet_yolo`) and 3.91 % (`yolox`) behind the best of them on two other seeds; chosen by the last three epochs 1.34
and 4.10 %, by a single epoch 1.14 and 4.35 %, by the best mean of 10 epochs 1.17 and 5.86 %
(`docs/notebook/compared.md`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

ObjectiveName = Literal["best_mean", "best", "last"]

DEFAULT_OBJECTIVE: ObjectiveName = "best_mean"
EARLIER_OBJECTIVE: ObjectiveName = "last"
"""The objective of sweeps from before it could be chosen."""

DESCRIPTION = (
    "what a training is ranked and handed back by: best_mean, its best mean of 3 evaluated epochs in a row; best, its "
    "best single epoch; last, the mean of its last 3, and only if it trained to its end"
)
"""Describes the field `objective` of a sweep."""

WINDOW = 3
"""Evaluated epochs that a mean is taken over."""


@dataclass(frozen=True, slots=True)
class Reached:
    """The objective of a training so far.

    Attributes:
        value: the objective, in the metric's own sign.
        first, last: the first and the last of the evaluated epochs that it is the mean of.
        epoch: the one of them with the best value, the earliest of equals. Its checkpoint is handed back.
        count: how many evaluated epochs it is the mean of.
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
        before: the result for the first `seen` epochs, so that these are not read again.
        seen: how many epochs `before` takes into account.
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

    A training that was stopped early counts by the objective that it had reached, on two conditions. It wrote a
    checkpoint in the epochs of that objective. And these are enough for a whole mean, since of many trainings that were
    stopped after one or two epochs one was lucky. With `last` it does not count: its last epochs are not those of a
    whole training.

    Args:
        reached: the objective that it reached.
        objective: the name of that objective.
        finished: whether it trained to its last epoch.
        checkpoints: the epochs after which it wrote a checkpoint.
    """
    if finished or objective == "last" or reached is None:
        return finished and reached is not None
    trains_to_end = reached.count == _window(objective)
    return trains_to_end and any(reached.first <= epoch <= reached.last for epoch in checkpoints)


Rating = tuple[float, float]
"""How good the model after an epoch is: the best mean that the epoch is part of, then the epoch's own value. Both are
oriented."""


def ratings(epochs: Sequence[int], values: Sequence[float], mode: str, objective: ObjectiveName) -> dict[int, Rating]:
    """How good the model after each evaluated epoch is. `Reached.epoch` has the highest rating.

    With `last` both numbers are the epoch's own value, since there the checkpoint with the best value is handed back.
    The arguments are those of `reached`.
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
