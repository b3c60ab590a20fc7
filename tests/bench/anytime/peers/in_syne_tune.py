"""Syne Tune's BOHB (today's version): ASHA that stops, with configurations by densities of the good and of the bad.

It draws 64 candidates near good configurations and takes the one where good ones are likeliest. Here it draws them, by
the same density, from the configurations that are left.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from scipy.stats import truncnorm
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, uniform
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving
from syne_tune.optimizer.schedulers.searchers.kde import KernelDensityEstimator
from syne_tune.optimizer.schedulers.searchers.last_value_multi_fidelity_searcher import LastValueMultiFidelitySearcher

from tests.bench.anytime.peers.rows import Rows, Sweep


class Densities(KernelDensityEstimator):  # type: ignore[misc]  # Syne Tune's base classes are unknown here
    """The two densities, on the table's configurations."""

    def __init__(self, rows: Rows, **options: Any) -> None:
        super().__init__(**options)
        self._rows = rows

    def suggest(self, **_: Any) -> dict[str, Any]:
        models = self._train_kde(np.array(self.X), np.array(self.y)) if self.y else None
        if models is None or self.random_state.rand() < self.random_fraction:
            return self._rows.values(self._rows.random())
        bad, good = models
        features = np.array([self._to_feature(self._rows.values(row)) for row in self._rows.untrained])
        shares = self._drawn(good, features)
        drawn = self.random_state.choice(len(features), self.num_candidates, p=shares / shares.sum())
        ratio = {row: max(1e-32, bad.pdf(features[row])) / max(1e-32, good.pdf(features[row])) for row in drawn}
        return self._rows.values(self._rows.take(self._rows.untrained[min(ratio, key=lambda row: ratio[row])]))

    def _drawn(self, good: Any, features: np.ndarray) -> np.ndarray:
        """How likely Syne Tune draws each of the `features` as a candidate."""
        likely = np.ones((len(good.data), len(features)))
        for column, (bandwidth, (kind, count)) in enumerate(zip(good.bw, self.vartypes, strict=True)):
            middle, at, width = (
                good.data[:, column, None],
                features[None, :, column],
                max(bandwidth, self.min_bandwidth),
            )
            if kind == "c":
                width *= self.bandwidth_factor
                likely *= truncnorm.pdf(at, -middle / width, (1 - middle) / width, loc=middle, scale=width)
            else:
                likely *= (1 - width) * (at == middle) + width / count
        return np.asarray(likely.mean(axis=0) + 1e-300)


class LastValues(LastValueMultiFidelitySearcher):  # type: ignore[misc]
    """Each trial counts with its last value; the first few are random."""

    def __init__(self, rows: Rows, **options: Any) -> None:
        super().__init__(searcher=Densities, searcher_kwargs={"rows": rows}, **options)
        self._rows = rows

    def sample_random(self) -> dict[str, Any]:
        return self._rows.values(self._rows.random())


class SyneTune:
    """A scheduler of Syne Tune, called in the order in which its tuner calls it."""

    def __init__(self, sweep: Sweep) -> None:
        np.random.seed(sweep.seed)
        self._rows, self._epochs = sweep.rows, sweep.epochs
        space = {
            f"x{number}": choice(list(range(count))) if count else uniform(0.0, 1.0)
            for number, count in enumerate(sweep.rows.choices)
        }
        self._scheduler = AsynchronousSuccessiveHalving(
            space,
            metric="value",
            do_minimize=False,
            searcher=LastValues(sweep.rows, config_space=space, random_seed=sweep.seed),
            time_attr="epoch",
            max_t=sweep.epochs,
            random_seed=sweep.seed,
        )
        self._trials: dict[int, Trial] = {}

    def ask(self, job: int) -> tuple[int, int] | None:
        """See `Peer`."""
        if not self._rows.untrained:
            return None
        suggestion = self._scheduler.suggest()
        self._trials[job] = trial = Trial(job, suggestion.config, datetime.min)
        self._scheduler.on_trial_add(trial)
        return self._rows.row_of(suggestion.config), self._epochs

    def tell(self, job: int, epoch: int, value: float, over: bool) -> bool:
        """See `Peer`."""
        trial, result = self._trials[job], {"value": value, "epoch": epoch}
        decision = self._scheduler.on_trial_result(trial, result)
        if decision == SchedulerDecision.STOP:
            self._scheduler.on_trial_remove(trial)
        elif over:
            self._scheduler.on_trial_complete(trial, result)
        return bool(decision == SchedulerDecision.CONTINUE) and not over


begin = SyneTune
