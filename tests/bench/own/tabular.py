"""Has an Optuna sampler choose from a table of recorded configurations.

What the sampler asks for is taken to be the nearest configuration that was not trained yet, and that is what it is told
to have asked for. So every searcher can be compared on recorded trainings, with its own sampler and its own rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial
from recorded import Table

from spaces.space import Range


class Tabular(optuna.samplers.BaseSampler):
    """A sampler that asks for recorded configurations only, each once.

    Args:
        inner: what is to be compared; while it has nothing to say, configurations are drawn at random.
        table: where from.
        seed: of those draws.

    Attributes:
        inner: as given; it may be another for each trial.
        picked: the place of each trial's configuration, by Optuna's number.
    """

    def __init__(self, inner: optuna.samplers.BaseSampler, table: Table, seed: int) -> None:
        self.inner = inner
        self._ranges = table.plan().ranges
        self._drawn = [one.drawn for one in table.configurations]
        self._places = [self._scaled(drawn) for drawn in self._drawn]
        self._draw = np.random.default_rng([seed, 2])
        self._left = list(range(len(self._drawn)))
        self.picked: dict[int, int] = {}

    def _scaled(self, drawn: Mapping[str, Any]) -> dict[str, float | str]:
        """Numbers between 0 and 1, choices as words."""
        return {name: _scale(self._ranges[name], value) for name, value in drawn.items() if name in self._ranges}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See Optuna's `BaseSampler`."""
        return self.inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See Optuna's `BaseSampler`: what `inner` asks for, moved to the nearest configuration left."""
        asked = self.inner.sample_relative(study, trial, search_space)
        place = self._nearest(asked) if asked else int(self._draw.choice(self._left))
        self._left.remove(place)
        self.picked[trial.number] = place
        drawn = self._drawn[place]
        return {name: drawn[name] for name in search_space if name in drawn}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See Optuna's `BaseSampler`: as the configuration has it."""
        return self._drawn[self.picked[trial.number]][param_name]

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: Any, values: Any) -> None:
        """See Optuna's `BaseSampler`."""
        self.inner.after_trial(study, trial, state, values)

    def _nearest(self, asked: Mapping[str, Any]) -> int:
        wanted = self._scaled(asked)
        return min(self._left, key=lambda place: _distance(wanted, self._places[place]))


def _scale(asked: Range, value: Any) -> float | str:
    if asked.kind == "choice":
        return str(value)
    scale = math.log if asked.log else float
    low, high = scale(asked.low), scale(asked.high)
    return (scale(value) - low) / (high - low)


def _distance(one: Mapping[str, float | str], other: Mapping[str, float | str]) -> float:
    """Squared; a choice or a branch that differs counts as far apart as a number can be."""
    return sum(_apart(value, other.get(name)) for name, value in one.items())


def _apart(one: float | str, other: float | str | None) -> float:
    if isinstance(one, float) and isinstance(other, float):
        return (one - other) ** 2
    return float(one != other)
