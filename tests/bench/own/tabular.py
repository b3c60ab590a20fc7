"""Has an Optuna sampler choose from a table of recorded configurations.

TPE draws 24 candidates by its density of the good trials and asks for the one where good ones are likeliest against bad
ones. Here it draws the candidates, by the same density, from the configurations that were not trained yet. To let it
draw anything and take the nearest instead, as we first did, robs it of what it has learnt: in 17 dimensions the nearest
has hardly one parameter near, and central configurations are nearest to most. It then took longer than random search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.trial import FrozenTrial

from search.sweep.candidates import CANDIDATES
from tests.bench.own.recorded import Table


class Tabular(optuna.samplers.BaseSampler):
    """A sampler that asks for recorded configurations only, each once.

    Args:
        inner: what is to be compared: TPE, or random search; while TPE has too few trials it is random too.
        table: where from.
        seed: of random choices.

    Attributes:
        inner: as given; it may be another for each trial.
        picked: the place of each trial's configuration, by Optuna's number.
    """

    def __init__(self, inner: optuna.samplers.BaseSampler, table: Table, seed: int) -> None:
        self.inner = inner
        self._seed = seed
        self._drawn = [configuration.drawn for configuration in table.configurations]
        self._draw = np.random.default_rng([seed, 2])
        self._complete = with_all_parameters(self._drawn, self._draw)
        self._remaining = list(range(len(self._drawn)))
        self.picked: dict[int, int] = {}

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See Optuna's `BaseSampler`."""
        return self.inner.infer_relative_search_space(study, trial)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """See Optuna's `BaseSampler`: what a scheduler has chosen is not asked for."""
        fixed = trial.system_attrs.get("fixed_params")
        if fixed:
            self._remaining.remove(index := self._drawn.index(fixed))
            self.picked[trial.number] = index

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See Optuna's `BaseSampler`: what `inner` asks for of the configurations that are left."""
        choice = _Choice([self._complete[index] for index in self._remaining], search_space)
        if isinstance(self.inner, optuna.samplers.TPESampler):
            self.inner._parzen_estimator_cls = choice.estimator()
        asked = self.inner.sample_relative(study, trial, search_space)
        index = self._remaining.pop(choice.index_of(asked) if asked else int(self._draw.integers(len(self._remaining))))
        self.picked[trial.number] = index
        return {name: value for name, value in self._drawn[index].items() if name in search_space}

    def some(self, number: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> list[dict[str, Any]]:
        """Configurations to choose from for the trial of that `number`, as many as a sweep looks at.

        All are drawn at random: few of a table are near any other.
        """
        count = min(CANDIDATES, len(self._remaining))
        indices = np.random.default_rng([self._seed, number, 3]).choice(self._remaining, count, replace=False)
        return [self._drawn[index] for index in indices]

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See Optuna's `BaseSampler`: as the configuration has it."""
        return self._drawn[self.picked[trial.number]][param_name]

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: Any, values: Any) -> None:
        """See Optuna's `BaseSampler`."""
        self.inner.after_trial(study, trial, state, values)


class _Choice:
    """The configurations that may be asked for, as TPE's densities see them: a column a parameter of `space`."""

    def __init__(self, drawn: list[dict[str, Any]], space: Mapping[str, BaseDistribution]) -> None:
        internal = {
            name: [distribution.to_internal_repr(values[name]) for values in drawn]
            for name, distribution in space.items()
        }
        self._columns = {name: np.array(column) for name, column in internal.items()}
        self._external = {
            name: [distribution.to_external_repr(x) for x in internal[name]] for name, distribution in space.items()
        }

    def estimator(self) -> type[_ParzenEstimator]:
        """TPE's density, for drawing from this choice alone."""
        columns = self._columns

        class Restricted(_ParzenEstimator):
            def sample(self, rng: np.random.RandomState, size: int) -> dict[str, np.ndarray]:
                logs = self.log_pdf(columns)
                shares = np.exp(logs - logs.max())
                chosen = rng.choice(len(shares), size, p=shares / shares.sum())
                return {name: column[chosen] for name, column in columns.items()}

        return Restricted

    def index_of(self, asked: Mapping[str, Any]) -> int:
        """Which of them has all values that were `asked`."""
        rows = zip(*(self._external[name] for name in asked), strict=True)
        return list(rows).index(tuple(asked.values()))


def with_all_parameters(configurations: list[dict[str, Any]], draw: np.random.Generator) -> list[dict[str, Any]]:
    """Each with what it lacks (of a branch not taken) as any of the others has it: TPE draws it all the same."""
    drawn_values: dict[str, list[Any]] = {}
    for drawn in configurations:
        for name, value in drawn.items():
            drawn_values.setdefault(name, []).append(value)
    return [
        drawn
        | {
            name: drawn_values[name][draw.integers(len(drawn_values[name]))]
            for name in sorted(set(drawn_values) - set(drawn))
        }
        for drawn in configurations
    ]
