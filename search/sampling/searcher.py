"""Drives the Optuna study: asks it for configurations and tells it how each trial ended.

Optuna is driven by ask and tell rather than through Ray's OptunaSearch, which tells every stopped trial as complete
with its last value, leaves a trial that reported NaN running for ever and drops the stopping report. Here every report
is an intermediate value. A trial stopped at a rung is told PRUNED. One that failed (diverged, collapsed, crashed) is
told PRUNED and infeasible, by a constraint: TPE ranks it below all others, whatever epoch it reached.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from search.pruning.decision import Outcome
from search.sampling.study_view import StudyView
from search.sampling.varying_range import VaryingRanges, enqueued
from search.sweep.seeds import derived

if TYPE_CHECKING:  # imports SciPy, which takes a second
    from search.sampling.rank_model import RankModel

FAILURE_CONSTRAINT = "lost"
"""Name of the constraint: 1 if a trial failed, the share by which it broke the user's limits (below 1) if it did.

It is one constraint, and set on every trial, because samplers compare the sets."""


STATELESS_SAMPLERS = {"rank_gp", "tpe", "tpe_univariate", "random", "gp"}
"""Samplers whose only state is their random numbers: each trial gets a new sampler, seeded by the trial's number.

So a resumed sweep draws what the uninterrupted one would have drawn. CMA-ES and QMC carry state from trial to trial."""


RANKED_SAMPLERS = {"tpe", "tpe_univariate", "gp"}
"""Samplers that model the objective: they see a score for each trial's rank, since trials of different rungs have no
comparable values. CMA-ES models it too, but it counts the complete trials of its own generations. The others do not
look at values."""


def make_sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    """The sampler with this name in `SweepSpec`, seeded. For "rank_gp" it draws what the model does not choose."""
    makers: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
        "rank_gp": lambda: optuna.samplers.RandomSampler(seed=seed),
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
    """One sweep's study: the `Sampler` that hears of a sweep's trials (`search.state.listeners`).

    Args:
        draw: draws a trial's values from an Optuna trial, or an object with its methods (`search.sweep.plan.draw`).
        mode: "max" or "min".
        sampler: a name that `make_sampler` knows.
        seed: of the search.
        rungs: the epochs at which trials are compared, rising.
        varying: the numbers whose range depends on what was drawn before (`Range.varies`).
        restart: a number that differs after each restart; otherwise CMA-ES and QMC would repeat their first draws.
        model: the model of the sampler "rank_gp".

    Attributes:
        model: as given.
        study: Optuna's study, for reading.
        sampler_of: returns the sampler that draws a trial, by the trial's number.
    """

    def __init__(
        self,
        draw: Callable[[Any], dict[str, Any]],
        mode: str,
        sampler: str,
        seed: int,
        rungs: Sequence[int] = (),
        varying: Collection[str] = (),
        restart: int = 0,
        model: RankModel | None = None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._draw = draw
        self._varying = frozenset(varying)
        self.model = model
        self._storage = StudyView(mode, rungs)
        self._drawing: Callable[[], AbstractContextManager[None]] = (
            self._storage.ranked if sampler in RANKED_SAMPLERS else nullcontext
        )
        shared = make_sampler(sampler, derived(seed, restart))
        self.study = optuna.create_study(
            direction="maximize" if mode == "max" else "minimize", sampler=shared, storage=self._storage
        )
        self.sampler_of: Callable[[int], optuna.samplers.BaseSampler] = lambda trial: (
            make_sampler(sampler, derived(seed, f"trial/{trial}")) if sampler in STATELESS_SAMPLERS else shared
        )
        self._open: dict[int, int] = {}  # by a trial's number in the sweep: its number in the study

    def is_open(self, trial: int) -> bool:
        """See `Sampler`."""
        return trial in self._open

    def propose(self, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` with the values that the model chooses; `ask` draws the rest.

        Args:
            number: how many trials of the sweep have started.
            given: values that the model must not choose.
        """
        if self.model is None:
            return dict(given)
        self.model.look(self._storage.ended, self._storage.scored)
        return {**(self.model.choose(number, self._storage.scored()) or {}), **given}

    def ask(self, trial: int, fixed: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Draw the values of the sweep's `trial`; those in `fixed` are taken as they are."""
        fixed = fixed or {}
        if self.model:
            self.model.look(self._storage.ended, self._storage.scored)
        if fixed:
            self.study.enqueue_trial(enqueued(self._draw, self._varying, fixed))
        self.study.sampler = self.sampler_of(trial)
        with self._drawing():
            optuna_trial = self.study.ask()
            drawn = self._draw(VaryingRanges(optuna_trial, self._varying, fixed) if self._varying else optuna_trial)
        self._open[trial] = optuna_trial.number
        self._storage.drawn(optuna_trial.number, drawn)
        return drawn

    def report(self, trial: int, epoch: int, value: float) -> None:
        """The objective that `trial` had reached by `epoch`."""
        self._storage.report(self._open[trial], epoch, value)

    def report_seconds(self, trial: int, seconds: float) -> None:
        """A median epoch of `trial` takes so long."""
        self._storage.report_seconds(self._open[trial], seconds)

    def pause(self, trial: int, violation: float = 0.0) -> None:
        """`trial` is paused at a rung: until it is told, samplers see it as pruned. For `violation` see `tell`."""
        self._storage.pause(self._open[trial], _infeasible(violation))

    def tell(self, trial: int, outcome: Outcome, value: float | None, violation: float = 0.0) -> None:
        """How `trial`, which was asked for before, ended; once.

        Args:
            trial: its number in the sweep.
            outcome: "infeasible" for one that failed.
            value: its objective, None if it never had one.
            violation: by how much it exceeded the user's limits, as a share of them; 0 if it kept them.
        """
        number = self._open.pop(trial)
        self._storage.unpause(number)
        failed = outcome == "infeasible" or value is None
        # Optuna's trial is made again here. Kept since `ask`, it would hold a second copy of all values.
        optuna_trial = optuna.trial.Trial(self.study, number)
        optuna_trial.set_constraint(FAILURE_CONSTRAINT, 1.0 if failed else _infeasible(violation))
        with warnings.catch_warnings():
            # CMA-ES warns each time that it does not use the constraint; it learns from complete trials only.
            warnings.filterwarnings("ignore", message="Constraints have been set")
            if outcome == "complete" and value is not None:
                self.study.tell(optuna_trial, value)
            else:
                self.study.tell(optuna_trial, state=TrialState.PRUNED)
        self._storage.told(number)


def _infeasible(violation: float) -> float:
    """The constraint of a trial that exceeds the user's limits by that share of them: below 1, which is a failure's."""
    return violation / (1 + violation)
