"""Owns the Optuna study: asks it for configurations and tells it what really became of them.

Optuna is driven by ask and tell rather than through Ray's OptunaSearch, which tells every stopped trial as complete
with its last value, leaves a trial that reported NaN running for ever and drops the stopping report. Here every report
is an intermediate value; a trial stopped at a rung is told PRUNED; one that was lost (diverged, collapsed, failed) is
told PRUNED and infeasible, by a constraint, which TPE ranks below everything else whatever epoch it reached.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from search.journal.events import EarlierTrial
from search.sampling.study_view import StudyView
from search.sweep.seeds import derived

Outcome = Literal["complete", "pruned", "infeasible"]

FAILURE_CONSTRAINT = "lost"
"""Name of the constraint: 1 if a trial was lost, the share by which it broke the user's limits (below 1) if it did.

It is one constraint, and set on every trial, because samplers compare the sets."""


AFRESH = {"tpe", "tpe_univariate", "random", "gp"}
"""Samplers that keep nothing but their random numbers: a new one for each trial draws what the study calls for.

So a resumed sweep draws what the unbroken one would have drawn. CMA-ES and QMC count on from trial to trial."""


def make_sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's sampler called "tpe", "tpe_univariate", "random", "gp", "cmaes" or "qmc", seeded."""
    makers: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
        "tpe_univariate": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=False),
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
        "qmc": lambda: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return makers[name]()


class Searcher:
    """One sweep's study.

    Args:
        draw: draws a trial's values from an Optuna trial (`sweep.draw` with its plan).
        mode: "max" or "min".
        sampler: a name that `make_sampler` knows.
        seed: of the search.
        restart: another number after each restart: with the same, CMA-ES and QMC would repeat their first draws.

    Attributes:
        sampler_of: the sampler that draws a trial, by its number.
    """

    def __init__(
        self, draw: Callable[[optuna.Trial], dict[str, Any]], mode: str, sampler: str, seed: int, restart: int = 0
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._draw = draw
        self._storage = StudyView(mode, ranked=sampler == "gp")
        lasting = make_sampler(sampler, derived(seed, restart))
        self._study = optuna.create_study(
            direction="maximize" if mode == "max" else "minimize", sampler=lasting, storage=self._storage
        )
        self.sampler_of: Callable[[int], optuna.samplers.BaseSampler] = lambda trial: (
            make_sampler(sampler, derived(seed, f"trial/{trial}")) if sampler in AFRESH else lasting
        )
        self._open: dict[int, optuna.Trial] = {}

    @property
    def study(self) -> optuna.Study:
        """Optuna's object, for reading."""
        return self._study

    def ask(self, trial: int, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The values drawn for the sweep's `trial`; those in `known` are taken instead of being drawn."""
        if known:
            self._study.enqueue_trial(dict(known))
        self._study.sampler = self.sampler_of(trial)
        asked = self._study.ask()
        drawn = self._draw(asked)
        self._open[trial] = asked
        return drawn

    def recall(self, earlier: EarlierTrial) -> None:
        """Learn from a trial of an earlier sweep."""
        number = -1 - len(self._storage.earlier)
        self.ask(number, earlier.drawn)
        self._storage.earlier[self._open[number].number] = earlier.named
        self.report(number, earlier.epoch, earlier.level)
        finished = earlier.reason == "done"
        self.tell(number, "infeasible" if earlier.failed else "complete" if finished else "pruned", earlier.level)

    def report(self, trial: int, epoch: int, value: float | None) -> None:
        """One epoch's objective; an epoch without one is not reported."""
        if value is not None:
            self._open[trial].report(value, epoch)
            if self._open[trial].number in self._storage.waiting:  # it goes on
                self._storage.waiting[self._open[trial].number] = None

    def pause(self, trial: int) -> None:
        """`trial` waits at a rung and may go on: until it is told, samplers learn from it as from a pruned one."""
        self._storage.waiting[self._open[trial].number] = None

    def tell(self, trial: int, outcome: Outcome, value: float | None, excess: float = 0.0) -> None:
        """What became of `trial`, once.

        Args:
            trial: asked for before.
            outcome: lost trials are infeasible.
            value: its objective (its level), None if it never had one.
            excess: by how much it was over the user's limits, as a share of them; 0 if it kept them.
        """
        asked = self._open.pop(trial)
        self._storage.waiting.pop(asked.number, None)
        lost = outcome == "infeasible" or value is None
        asked.set_constraint(FAILURE_CONSTRAINT, 1.0 if lost else excess / (1 + excess))
        with warnings.catch_warnings():
            # CMA-ES says each time that it does not use the constraint; it learns from complete trials only.
            warnings.filterwarnings("ignore", message="Constraints have been set")
            if outcome == "complete" and value is not None:
                self._study.tell(asked, value)
            else:
                self._study.tell(asked, state=TrialState.PRUNED)
