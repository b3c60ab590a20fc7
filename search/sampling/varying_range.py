"""Numbers whose range depends on what was drawn before, such as a learning rate whose range depends on the optimizer.

Optuna's multivariate TPE models a number jointly with the others only if all trials drew it from the same range. So
Optuna is asked for such a number as its share of the range, on the range's scale: what TPE learns about a middling rate
of SGD then also counts for a middling rate of AdamW. Shares are multiples of `STEP`, so that a resumed sweep computes
the same shares again from the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import optuna

from spaces.cube import number_at, share
from spaces.space import Explorer
from spaces.value_range import Range

STEP = 2.0**-20
"""On a range of three decades, neighbouring numbers differ by 7 millionths."""


class VaryingRanges:
    """An Optuna trial that is asked for the numbers called `names` as shares of their ranges.

    Args:
        trial: the Optuna trial.
        names: the names of the numbers.
        fixed: the values that the trial was enqueued with.
    """

    def __init__(self, trial: optuna.Trial, names: Collection[str], fixed: Mapping[str, Any]) -> None:
        self._trial = trial
        self._names = names
        self._fixed = fixed

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """See `optuna.Trial`."""
        if name not in self._names:
            return self._trial.suggest_float(name, low, high, log=log)
        where = self._trial.suggest_float(name, 0.0, 1.0, step=STEP)
        return float(self._fixed[name]) if name in self._fixed else number_at(where, Range("float", low, high, log))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """See `optuna.Trial`."""
        return self._trial.suggest_int(name, low, high, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """See `optuna.Trial`."""
        return self._trial.suggest_categorical(name, choices)


def enqueued(draw: Callable[[Any], object], names: Collection[str], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """`fixed` as Optuna is to take them: each number called one of `names` as its share of the range that `draw` gives.

    Where `fixed` does not say which branch of the space is taken, the range is that of the first branch.
    """
    if not names:
        return dict(fixed)
    explorer = Explorer(fixed)
    draw(explorer)
    varying = [name for name in names if name in fixed and name in explorer.ranges]
    return {**fixed, **{name: round(share(fixed[name], explorer.ranges[name]) / STEP) * STEP for name in varying}}
