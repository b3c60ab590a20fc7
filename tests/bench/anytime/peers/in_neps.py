"""NePS's asynchronous Hyperband, and PriorBand (Mallik et al., arXiv:2306.12370) without a prior, as no other has one.

PriorBand mutates the best configuration: of a mutant the nearest configuration that is left is trained.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from typing import Any

import neps
import numpy as np
import torch
from neps.optimizers.priorband import PriorBandSampler
from neps.sampling.samplers import Sampler
from neps.space import HPOCategorical, HPOFloat, HPOInteger, SearchSpace

from tests.bench.anytime.peers.rows import Budgeted, Rows, Sweep


class AtRandom(Sampler):  # type: ignore[misc]  # NePS's base classes are unknown here
    """Draws configurations of the table."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def ncols(self) -> int:
        return len(self._rows.choices)

    def sample(self, n: Any, **_: Any) -> torch.Tensor:
        raise NotImplementedError("only whole configurations are asked for")

    def sample_config(self, to: Any, **_: Any) -> dict[str, Any]:
        return self._rows.values(self._rows.random())


class Band(PriorBandSampler):  # type: ignore[misc]
    """PriorBand's sampler on the table's configurations."""

    rows: Rows

    def sample_config(self, table: Any, rung: int) -> dict[str, Any]:
        point = np.array([float(value) for value in _configuration(super().sample_config(table, rung)).values()])
        numbers = np.array(self.rows.choices) == 0
        tried = [self.rows.row_of(_configuration(values)) for values in table["config"]]
        # A mutant keeps about half of the numbers; what is drawn anew shares none.
        mutated = bool((self.rows.points[tried][:, numbers] == point[numbers]).any())
        return self.rows.values(self.rows.nearest(point) if mutated else self.rows.random())


class Neps(Budgeted):
    """NePS, asked and told."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__()
        np.random.seed(sweep.seed)
        torch.manual_seed(sweep.seed)
        self._rows = sweep.rows
        parameters: dict[str, Any] = {
            f"x{number}": HPOCategorical(list(range(count))) if count else HPOFloat(0.0, 1.0)
            for number, count in enumerate(sweep.rows.choices)
        }
        space = SearchSpace({**parameters, "epochs": HPOInteger(1, sweep.epochs, is_fidelity=True)})
        if sweep.system == "NePS PriorBand":
            optimizer = neps.algorithms.priorband(space, eta=3)
            optimizer.sampler = Band(**vars(optimizer.sampler))
            optimizer.sampler.rows = sweep.rows
        else:
            optimizer = neps.algorithms.async_hb(space, eta=3)
            optimizer.sampler = AtRandom(sweep.rows)
        self._neps = neps.AskAndTell(optimizer)
        self._trials: dict[int, Any] = {}

    def ask(self, job: int) -> tuple[int, int] | None:
        """See `Peer`."""
        if not self._rows.untrained:
            return None
        self._trials[job] = trial = self._neps.ask()
        return self.asked(job, self._rows.row_of(trial.config), trial.config["epochs"])

    def told(self, job: int, value: float) -> None:
        """See `Budgeted`."""
        self._neps.tell(self._trials.pop(job), 1 - value)


def _configuration(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "epochs"}


begin = Neps
