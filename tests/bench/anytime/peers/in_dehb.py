"""DEHB (Awad, Mallik and Hutter, arXiv:2105.09821): differential evolution on Hyperband's brackets, its defaults.

What it proposes is between configurations, so the nearest that is left is trained, and DEHB is told so.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from typing import Any

import numpy as np
from dehb import DEHB

from tests.bench.anytime.peers.rows import Budgeted, Sweep


class Dehb(Budgeted):
    """Asked and told one at a time, as its documentation has it for evaluations elsewhere."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__()
        self._rows, self._counts = sweep.rows, np.array(sweep.rows.choices)
        self._dehb = DEHB(
            dimensions=len(self._counts), min_fidelity=1, max_fidelity=sweep.epochs, eta=3, seed=sweep.seed,
            n_workers=1, save_freq="end", log_level="ERROR",
        )  # fmt: skip
        self._jobs: dict[int, dict[str, Any]] = {}
        self._row_of_key: dict[tuple[float, ...], int] = {}

    def ask(self, job: int) -> tuple[int, int] | None:
        """See `Peer`."""
        if not self._rows.untrained:
            return None
        info = self._jobs[job] = self._dehb.ask()
        row = self._row_of_key.get(tuple(info["config"]))
        if row is None:
            row = self._rows.nearest(self._decoded(info["config"]))
            info["config"] = self._encoded(self._rows.points[row])
            self._dehb.config_repository.configs[info["config_id"]].config = info["config"]
            self._row_of_key[tuple(info["config"])] = row
        return self.asked(job, row, info["fidelity"])

    def told(self, job: int, value: float) -> None:
        """See `Budgeted`."""
        info = self._jobs.pop(job)
        self._dehb.tell(info, {"fitness": 1 - value, "cost": info["fidelity"]})

    def _decoded(self, vector: np.ndarray) -> np.ndarray:
        """A vector of DEHB as a point: a choice has an equal part of the interval from 0 to 1."""
        choice = np.minimum(np.floor(vector * self._counts), self._counts - 1)
        return np.where(self._counts > 0, choice, vector)

    def _encoded(self, point: np.ndarray) -> np.ndarray:
        return np.where(self._counts > 0, (point + 0.5) / np.maximum(self._counts, 1), point)


begin = Dehb
