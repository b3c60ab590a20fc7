"""Runs a recording again in virtual time: the coordinator of real sweeps, with workers that only pass the time."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone, Event, Log, Row
from search.replay.recording import Recording
from search.state.sweep_state import SweepState
from trainables.errors import DataError


@dataclass
class Clock:
    """The race's time, in virtual seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class DiscardingJournal:
    """A journal that is not kept, by the race's clock."""

    clock: Clock
    seq: int = 0

    def append(self, event: Event) -> Row:
        """Take one event."""
        self.seq += 1
        return Row(self.seq, self.clock(), event)

    def flush(self) -> bool:
        """Nothing is written."""
        return False

    flush_if_due = flush


def simulate(
    recording: Recording, policy: dict[str, Any], workers: int, order: list[int], journal: Log | None = None
) -> tuple[SweepState, float]:
    """Start the runs in `order` on so many `workers` under `policy` (fields of a sweep); `journal` keeps the events.

    Returns:
        the sweep at its end, its trials numbered in `order`, and the virtual seconds that it took.
    """
    clock = Clock()
    log = journal or DiscardingJournal(clock)
    coordinator = Coordinator(recording.plan(order, policy), log, delete=_keep, clock=clock)
    coordinator.open(workers)
    busy: list[tuple[float, int, int]] = []  # when the epoch ends, which trial's, how many epochs it had before

    def begin(trial: int, epochs: int) -> None:
        heapq.heappush(busy, (clock.now + recording.runs[order[trial]].seconds[epochs], trial, epochs))

    while not coordinator.over:
        while len(busy) < workers and (given := coordinator.next()) is not None:
            begin(given.trial, given.epochs)
        if busy:
            clock.now, trial, epochs = heapq.heappop(busy)
            if coordinator.report(_report(recording, order[trial], trial, epochs)):
                begin(trial, epochs + 1)
    return coordinator.state, clock.now


def _report(recording: Recording, place: int, trial: int, epochs: int) -> EpochDone:
    run = recording.runs[place]
    point, seconds = run.curve.points[epochs], run.seconds[epochs]
    metrics = {} if point.value is None else {recording.metric: point.value}
    known = {"train": point.loss, "val": point.held_out}
    losses = {name: loss for name, loss in known.items() if loss is not None}
    return EpochDone(trial, point.epoch, point.phase, metrics, losses, {}, {"train": seconds})


def _keep(trial: int, epoch: int) -> None:
    """Recorded runs have no checkpoints to delete."""


@dataclass(frozen=True)
class SimulationResult:
    """How one race ended.

    Attributes:
        epochs: share of all recorded epochs that were trained.
        seconds: virtual time until all had ended, as a share of what training all of them takes with no worker idle.
        regret: how far the best run that was trained to its end is behind the best of all, as a share of the latter;
            1 if none was trained to its end. Runs that were cut off when they were recorded do not count.
        winner_stopped: the rule that ended the best run of all, "" if it was trained to its end.
        reasons: how many runs ended for which reason.
    """

    epochs: float
    seconds: float
    regret: float
    winner_stopped: str
    reasons: Counter[str]


def simulate_shuffled(recording: Recording, policy: dict[str, Any], workers: int, seed: int) -> SimulationResult:
    """One race with the runs in an order that follows from `seed`."""
    order = list(range(len(recording.runs)))
    random.Random(f"order/{seed}").shuffle(order)
    state, seconds = simulate(recording, policy, workers, order)
    decided = {order[trial.started.trial]: trial for trial in state.search}
    whole = [(run.best, place) for place, run in enumerate(recording.runs) if not run.censored]
    ranked = [(best, place) for best, place in whole if best is not None]
    if not ranked:
        raise DataError(f"{recording.name}: none of its runs was trained to its end with a {recording.metric}")
    best, winner = max(ranked)
    ended = [value for value, place in ranked if decided[place].finished]
    winning = decided[winner].decision
    assert winning is not None
    return SimulationResult(
        epochs=state.epochs / recording.epochs,
        seconds=seconds * workers / recording.seconds,
        regret=(best - max(ended)) / abs(best) if ended and best else float(not ended),
        winner_stopped="" if winning.reason == "done" else winning.reason,
        reasons=Counter(trial.decision.reason for trial in state.search if trial.decision),
    )
