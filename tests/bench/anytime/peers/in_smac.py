"""SMAC's multi-fidelity facade: a random forest and expected improvement on Hyperband's brackets, its defaults.

Instead of random configurations and their neighbours all that are left in the table are compared. A quarter of the
trials, and at most ten a parameter, are random first.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import logging
from typing import Any

from ConfigSpace import Categorical, Configuration, ConfigurationSpace, Float
from smac import MultiFidelityFacade, Scenario
from smac.acquisition.maximizer import AbstractAcquisitionMaximizer
from smac.callback import Callback
from smac.runhistory import TrialInfo, TrialValue

from tests.bench.anytime.peers.rows import Budgeted, Rows, Sweep

RANDOM_SHARE = 0.25
RANDOM_A_PARAMETER = 10
"""Of SMAC's `get_initial_design`."""


class TableSpace(ConfigurationSpace):  # type: ignore[misc]  # ConfigSpace's and SMAC's base classes are unknown here
    """Draws configurations of the table."""

    def of(self, rows: Rows) -> TableSpace:
        """This space, with the configurations of `rows`."""
        self.rows = rows
        self.configurations = [Configuration(self, values=rows.values(row)) for row in range(len(rows.points))]
        return self

    def sample_configuration(self, size: int | None = None) -> Any:
        drawn = [self.configurations[row] for row in self.rows.some(size or 1)]
        return drawn if size else drawn[0]


class AllThatAreLeft(AbstractAcquisitionMaximizer):  # type: ignore[misc]
    """Compares all configurations that are left."""

    def _maximize(self, previous_configs: Any, n_points: int) -> Any:
        space = self._configspace
        return self._sort_by_acquisition_value([space.configurations[row] for row in space.rows.untrained])


class Taken(Callback):  # type: ignore[misc]
    """Notes which configurations SMAC has chosen: a bracket chooses all of its own before the first of them trains."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def on_next_configurations_end(self, config_selector: Any, config: Any) -> None:
        self._rows.take(self._rows.row_of(dict(config)))


class Smac(Budgeted):
    """SMAC, asked and told."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__()
        self._rows = rows = sweep.rows
        space = TableSpace(seed=sweep.seed)
        space.add(
            Categorical(f"x{number}", list(range(count))) if count else Float(f"x{number}", (0.0, 1.0))
            for number, count in enumerate(rows.choices)
        )
        space.of(rows)
        scenario = Scenario(
            space, deterministic=True, n_trials=sweep.trials, min_budget=1, max_budget=sweep.epochs, seed=sweep.seed
        )
        first = min(int(RANDOM_SHARE * sweep.trials), RANDOM_A_PARAMETER * len(rows.choices))
        self._smac = MultiFidelityFacade(
            scenario,
            _trained_elsewhere,
            initial_design=MultiFidelityFacade.get_initial_design(
                scenario, n_configs=0, additional_configs=space.sample_configuration(first)
            ),
            intensifier=MultiFidelityFacade.get_intensifier(scenario, eta=3),
            acquisition_maximizer=AllThatAreLeft(space, seed=sweep.seed),
            callbacks=[Taken(rows)],
            overwrite=True,
            logging_level=logging.CRITICAL,
        )
        self._trials: dict[int, TrialInfo] = {}

    def ask(self, job: int) -> tuple[int, int] | None:
        """See `Peer`."""
        if not self._rows.untrained:
            return None
        self._trials[job] = info = self._smac.ask()
        return self.asked(job, self._rows.row_of(dict(info.config)), info.budget)

    def told(self, job: int, value: float) -> None:
        """See `Budgeted`."""
        self._smac.tell(self._trials.pop(job), TrialValue(cost=1 - value), save=False)


def _trained_elsewhere(config: Configuration, seed: int, budget: float) -> float:
    raise NotImplementedError("SMAC is asked and told")


begin = Smac
