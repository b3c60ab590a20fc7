"""Whole systems on a table of recorded trainings: what chooses configurations, and what stops them.

Each is driven through its own interface in virtual time, where an epoch takes one unit on its worker, until it has seen
a value within 1 % of the table's best.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Protocol

import optuna
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone
from search.pruning.curve import Point
from search.pruning.freeze_thaw import FreezeThaw
from search.replay.simulation import Clock, DiscardingJournal
from tests.bench.own.recorded import Table
from tests.bench.own.tabular import Tabular
from tests.bench.public.groups import Group, grace_epochs
from tests.bench.public.ray_rules import Controller, StandIn

NEAR = 0.99
"""Share of the table's best value that counts as having found it."""


class System(Protocol):
    """What is compared."""

    def next(self) -> tuple[int, int, int] | None:
        """A trial, the place of its configuration and the epochs that it has; None if there is none now."""

    def report(self, trial: int, point: Point, last: bool) -> bool:
        """One more epoch of `trial`, perhaps its `last`; whether it goes on."""


MakeSystem = Callable[[Table, Group, int, int], System]


def run(system: System, group: Group, workers: int) -> Iterator[float]:
    """What each epoch showed, in the order in which they end; 0 where nothing was evaluated."""
    busy: list[tuple[int, int, int, int, int]] = []  # when the epoch ends, in which order it began, whose it is
    now = begun = 0
    while True:
        while len(busy) < workers and (given := system.next()) is not None:
            begun += 1
            heapq.heappush(busy, (now + 1, begun, *given))
        if not busy:
            return
        now, _, trial, index, had = heapq.heappop(busy)
        point, last = group.runs[index][had], had + 1 == len(group.runs[index])
        yield point.value or 0.0
        if system.report(trial, point, last) and not last:
            begun += 1
            heapq.heappush(busy, (now + 1, begun, trial, index, had + 1))


def epochs_until_near(system: System, group: Group, workers: int) -> float:
    """Epochs that all trials took together until one showed a value near the best of all; infinite if none did."""
    enough = NEAR * max(group.best)
    return next((epoch for epoch, value in enumerate(run(system, group, workers), 1) if value >= enough), math.inf)


def whole_sweep(system: System, group: Group, workers: int) -> tuple[int, float]:
    """Epochs that a sweep took to its end, and how far its best value is behind the best of all, as a share of that."""
    values = list(run(system, group, workers))
    return len(values), 1 - max(values) / max(group.best)


class Ours:
    """The product's coordinator, with all its rules; only its sampler is told to choose from the table."""

    def __init__(self, table: Table, group: Group, seed: int, workers: int, **policy: object) -> None:
        plan = table.make_plan(seed=seed, **policy)
        self._metric, self._epochs, self._ends_early = plan.recipe.metric, plan.max_epochs, table.ends_early
        self._coordinator = Coordinator(
            plan, DiscardingJournal(Clock()), delete=lambda trial, epoch: None, clock=Clock()
        )
        searcher = self._coordinator.searcher
        self._inner_of = searcher.sampler_of
        self._table = Tabular(self._inner_of(0), table, seed)
        searcher.sampler_of = self._sampler_of
        asha = self._coordinator.scheduler
        if isinstance(asha, FreezeThaw):
            asha.configurations = replace(asha.configurations, draw=self._table.some)
        if model := searcher.model:
            model.configurations = replace(model.configurations, draw=self._table.some)
        self._coordinator.open(workers)

    def _sampler_of(self, trial: int) -> optuna.samplers.BaseSampler:
        self._table.inner = self._inner_of(trial)
        return self._table

    def next(self) -> tuple[int, int, int] | None:
        given = self._coordinator.next()
        return None if given is None else (given.trial, self._table.picked[given.trial], given.epochs)

    def report(self, trial: int, point: Point, last: bool) -> bool:
        metrics = {} if point.value is None else {self._metric: point.value}
        by_split = {"train": point.loss, "val": point.held_out}
        losses = {name: loss for name, loss in by_split.items() if loss is not None}
        done = EpochDone(trial, point.epoch, point.phase, metrics, losses, {}, {})
        if last and self._ends_early:
            ending = self._coordinator.state.trials[trial]
            ending.started = replace(ending.started, _differing={**ending.started._differing, "epochs": point.epoch})
        elif last and point.epoch < self._epochs:
            done = replace(done, alarm="nonfinite", alarm_detail="recorded no further: weights were no longer finite")
        return self._coordinator.report(done)


class Stock:
    """Ray Tune's OptunaSearch with one of Ray's schedulers, called in the order in which Ray Tune calls them."""

    def __init__(
        self, table: Table, seed: int, sampler: optuna.samplers.BaseSampler, scheduler: TrialScheduler
    ) -> None:
        self._sampler, self._scheduler, self._controller = Tabular(sampler, table, seed), scheduler, Controller()
        self._searcher = OptunaSearch(table.draw, metric="metric", mode="max", sampler=self._sampler)
        self._trials: list[StandIn] = []
        self._total = table.trials

    def next(self) -> tuple[int, int, int] | None:
        number = len(self._trials)
        if number == self._total:
            return None
        self._trials.append(StandIn(str(number)))
        self._searcher.suggest(str(number))
        self._scheduler.on_trial_add(self._controller, self._trials[number])
        return number, self._sampler.picked[number], 0

    def report(self, trial: int, point: Point, last: bool) -> bool:
        result = {"training_iteration": point.epoch, "metric": point.value or 0.0}
        name = str(trial)
        self._searcher.on_trial_result(name, result)
        goes_on = not last and bool(
            self._scheduler.on_trial_result(self._controller, self._trials[trial], result) != TrialScheduler.STOP
        )
        if not goes_on:
            self._searcher.on_trial_complete(name, result)
            self._scheduler.on_trial_complete(self._controller, self._trials[trial], result)
        return goes_on


class Study:
    """Optuna alone: its study's ask, report, should_prune and tell."""

    def __init__(
        self, table: Table, seed: int, sampler: optuna.samplers.BaseSampler, pruner: optuna.pruners.BasePruner
    ) -> None:
        self._table, self._sampler, self._total = table, Tabular(sampler, table, seed), table.trials
        self._study = optuna.create_study(study_name="own", direction="maximize", sampler=self._sampler, pruner=pruner)
        self._trials: dict[int, optuna.Trial] = {}

    def next(self) -> tuple[int, int, int] | None:
        if len(self._trials) == self._total:
            return None
        asked = self._study.ask()
        self._table.draw(asked)
        self._trials[asked.number] = asked
        return asked.number, self._sampler.picked[asked.number], 0

    def report(self, trial: int, point: Point, last: bool) -> bool:
        asked = self._trials[trial]
        asked.report(point.value or 0.0, point.epoch)
        if last:
            self._study.tell(asked, point.value or 0.0)
        elif asked.should_prune():
            self._study.tell(asked, state=optuna.trial.TrialState.PRUNED)
            return False
        return True


# --- what is compared --------------------------------------------------------------------------------------------


def tpe(seed: int) -> optuna.samplers.BaseSampler:
    """Optuna's default, and that of Ray's OptunaSearch."""
    return optuna.samplers.TPESampler(seed=seed)


def random(seed: int) -> optuna.samplers.BaseSampler:
    """Without a model."""
    return optuna.samplers.RandomSampler(seed=seed)


def _ray_asha(group: Group, grace: float, factor: float) -> TrialScheduler:
    return AsyncHyperBandScheduler(
        time_attr="training_iteration", metric="metric", mode="max", max_t=group.max_epochs,
        grace_period=grace_epochs(group, grace), reduction_factor=factor,
    )  # fmt: skip


def _ray_median(group: Group) -> TrialScheduler:
    return MedianStoppingRule(
        time_attr="training_iteration", metric="metric", mode="max", grace_period=grace_epochs(group, 0.1)
    )


def _stock(
    sampler: Callable[[int], optuna.samplers.BaseSampler], scheduler: Callable[[Group], TrialScheduler]
) -> MakeSystem:
    return lambda table, group, seed, workers: Stock(table, seed, sampler(seed), scheduler(group))


def _optuna(pruner: Callable[[Group], optuna.pruners.BasePruner]) -> MakeSystem:
    return lambda table, group, seed, workers: Study(table, seed, tpe(seed), pruner(group))


def _ours(**policy: object) -> MakeSystem:
    return lambda table, group, seed, workers: Ours(table, group, seed, workers, **policy)


def systems() -> dict[str, MakeSystem]:
    """By the name in the table; ours begin with "steadytune"."""
    makers: dict[str, MakeSystem] = {}
    for factor in (3, 4):
        for grace in (0.05, 0.10):
            scheduler = partial(_ray_asha, grace=grace, factor=factor)
            makers[f"Ray OptunaSearch + ASHA, factor {factor}, grace {grace:.0%}"] = _stock(tpe, scheduler)
    makers["Ray random + ASHA, factor 3, grace 10%"] = _stock(random, partial(_ray_asha, grace=0.1, factor=3))
    makers["Ray OptunaSearch + MedianStoppingRule"] = _stock(tpe, _ray_median)
    makers["Ray OptunaSearch, everything trained"] = _stock(tpe, lambda group: FIFOScheduler())
    makers["Optuna TPE + Hyperband"] = _optuna(
        lambda group: optuna.pruners.HyperbandPruner(grace_epochs(group, 0.1), group.max_epochs, 3)
    )
    makers["Optuna TPE + SuccessiveHalving"] = _optuna(
        lambda group: optuna.pruners.SuccessiveHalvingPruner(grace_epochs(group, 0.1), 3)
    )
    makers["Optuna TPE + MedianPruner"] = _optuna(lambda group: optuna.pruners.MedianPruner())
    makers["random, everything trained"] = _stock(random, lambda group: FIFOScheduler())
    makers["steadytune"] = _ours()
    makers["steadytune, grace_epochs: 1, reduction_factor: 2"] = _ours(grace_epochs=1, reduction_factor=2.0)
    makers["steadytune, scheduler: freeze_thaw"] = _ours(scheduler="freeze_thaw")
    makers["steadytune, tpe"] = _ours(sampler="tpe")
    makers["steadytune, random"] = _ours(sampler="random")
    makers["steadytune, scheduler: stopping"] = _ours(scheduler="stopping")
    makers["steadytune, no stability verdicts"] = _ours(
        stability={"nonfinite_epochs": 99, "train_epochs": 99, "held_out_epochs": 99, "collapse_value": 0.0,
                   "collapse_share": 0.0, "dead_loss": 0.0}
    )  # fmt: skip
    return makers
