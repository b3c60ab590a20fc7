"""What Syne Tune had until 0.13: ASHA that pauses and promotes, PASHA and MOBSTER. Each can be kept to a table.

PASHA: Bohdal et al., arXiv:2207.06940. MOBSTER: Klein et al., arXiv:2003.10865.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from datetime import datetime
from typing import Any

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, uniform
from syne_tune.optimizer.baselines import ASHA, MOBSTER, PASHA
from syne_tune.optimizer.scheduler import SchedulerDecision

from tests.bench.anytime.peers.rows import Sweep

SCHEDULERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Syne Tune ASHA, promotion": (ASHA, {"type": "promotion"}),
    "Syne Tune PASHA": (PASHA, {}),
    "Syne Tune MOBSTER, promotion": (MOBSTER, {"type": "promotion"}),
}


class SyneTune:
    """A scheduler of Syne Tune, called in the order in which its tuner calls it."""

    def __init__(self, sweep: Sweep) -> None:
        self._rows, self._epochs = sweep.rows, sweep.epochs
        space = {
            f"x{number}": choice(list(range(count))) if count else uniform(0.0, 1.0)
            for number, count in enumerate(sweep.rows.choices)
        }
        make, options = SCHEDULERS[sweep.system]
        table = [sweep.rows.values(row) for row in sweep.rows.untrained]
        self._scheduler = make(
            space,
            metric="value",
            mode="max",
            resource_attr="epoch",
            max_t=sweep.epochs,
            points_to_evaluate=[],
            search_options={"restrict_configurations": table, "debug_log": False},
            random_seed=sweep.seed,
            **options,
        )
        self._trials: dict[int, Trial] = {}
        self._jobs: dict[int, Trial] = {}
        self._reached: dict[int, int] = {}

    def ask(self, job: int) -> tuple[int, int] | None:
        """See `Peer`."""
        number = len(self._trials)
        suggestion = self._scheduler.suggest(number)
        if suggestion is None:
            return None
        if suggestion.spawn_new_trial_id:
            trial = self._trials[number] = Trial(number, suggestion.config, datetime.min)
            self._scheduler.on_trial_add(trial)
        else:
            trial = self._trials[int(suggestion.checkpoint_trial_id)]
        self._jobs[job] = trial
        return self._rows.row_of(trial.config), self._epochs

    def tell(self, job: int, epoch: int, value: float, over: bool) -> bool:
        """See `Peer`."""
        trial, result = self._jobs[job], {"value": value, "epoch": epoch}
        if epoch > self._reached.get(trial.trial_id, 0) + 1:  # its weights were lost at a rung, and it was promoted
            self._scheduler.on_trial_error(trial)
            return False
        self._reached[trial.trial_id] = epoch
        decision = self._scheduler.on_trial_result(trial, result)
        if decision != SchedulerDecision.CONTINUE:
            self._scheduler.on_trial_remove(trial)
        elif over:
            self._scheduler.on_trial_complete(trial, result)
        return bool(decision == SchedulerDecision.CONTINUE) and not over


begin = SyneTune
