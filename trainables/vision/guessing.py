"""What answers reach that never look at an example: document 004 sets two of them beside its accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAJORITY, RANDOM = "majority class", "random, by class frequency"
FIRST = 5
"""Answers of an example among which top-5 looks."""
_ORDERS = 4000
"""Random orders of the classes, by which top-5 is estimated: to about 0.01."""


@dataclass(frozen=True)
class Guess:
    """One way to guess.

    Attributes:
        table: (C, C), examples by true class (row) and guessed class (column); of random guesses the expected numbers.
        top5: the share of examples whose class is among the first five guesses, in [0, 1].
    """

    table: NDArray[np.float64]
    top5: float

    @property
    def top1(self) -> float:
        """The share of examples that are guessed right, in [0, 1]."""
        return float(self.table.trace() / self.table.sum())


def guesses(train: NDArray[np.int64], val: NDArray[np.int64]) -> Mapping[str, Guess]:
    """Both ways to guess, by name.

    Args:
        train: (C,), examples of each class by whose frequency is guessed, at least one in all.
        val: (C,), examples of each class that are guessed, at least one in all.
    """
    shares, truth = train / train.sum(), val / val.sum()
    most = np.zeros(len(train))
    most[train.argmax()] = 1.0
    # Ties in the order of the classes, as a classifier's that gives each class its frequency.
    first = np.argsort(-train, kind="stable")[:FIRST]
    return {
        MAJORITY: Guess(np.outer(val, most), float(truth[first].sum())),
        RANDOM: Guess(np.outer(val, shares), float((truth * _among_first(shares)).sum())),
    }


def mean_class_accuracy(table: NDArray[np.float64]) -> float:
    """The mean accuracy of the classes that have examples, in [0, 1]."""
    rows = table.sum(axis=1)
    present = rows > 0
    return float((table.diagonal()[present] / rows[present]).mean())


def macro(table: NDArray[np.float64]) -> dict[str, float]:
    """precision, recall and f1, each the mean of the classes that have examples; 0 of a class that is never guessed."""
    right, rows, columns = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    present = rows > 0
    precision = np.divide(right, columns, out=np.zeros_like(right), where=columns > 0)[present]
    recall = right[present] / rows[present]
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return {"precision": float(precision.mean()), "recall": float(recall.mean()), "f1": float(f1.mean())}


def _among_first(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often each class is among the first five that are drawn one after another, none of them twice."""
    if len(shares) <= FIRST:
        return (shares > 0).astype(np.float64)
    with np.errstate(divide="ignore"):  # a class without an example is never drawn
        keys = np.log(shares) + np.random.default_rng(0).gumbel(size=(_ORDERS, len(shares)))
    first = np.argpartition(-keys, FIRST, axis=1)[:, :FIRST]
    drawn = np.bincount(first.ravel(), minlength=len(shares)) / _ORDERS
    return np.where(shares > 0, drawn, 0.0)
