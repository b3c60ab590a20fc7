"""Simulates a sweep over recorded trainings: the coordinator of real sweeps, in virtual time, without training.

A simulated worker does nothing but let the recorded seconds of each epoch pass on a virtual clock.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from search.control.coordinator import Coordinator
from search.journal.events import EpochDone, Event, Log, Row
from search.pruning.objective import counts
from search.replay.recording import Recording
from search.state.sweep_state import SweepState
from trainables.errors import DataError


@dataclass
class Clock:
    """The simulation's time, in virtual seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class DiscardingJournal:
    """A journal that numbers and times events and stores none."""

    clock: Clock
    seq: int = 0

    def append(self, event: Event) -> Row:
        """The event as a row, at the clock's time."""
        self.seq += 1
        return Row(self.seq, self.clock(), event)

    def flush(self) -> bool:
        """Nothing is written."""
        return False

    flush_if_due = flush


def simulate(
    recording: Recording,
    scheduler_settings: dict[str, Any],
    workers: int,
    order: list[int],
    journal: Log | None = None,
) -> tuple[SweepState, float]:
    """Run a sweep over a recording.

    Args:
        recording: the trainings.
        scheduler_settings: fields of a sweep, such as `{"scheduler": "asha"}`.
        workers: how many runs train at a time.
        order: indexes into `recording.runs`, in the order in which they start.
        journal: stores the events; none are stored if None.

    Returns:
        the state of the sweep at its end, its trials numbered in `order`, and the virtual seconds that it took.
    """
    clock = Clock()
    log = journal or DiscardingJournal(clock)
    coordinator = Coordinator(recording.plan(order, scheduler_settings), log, delete=_delete_nothing, clock=clock)
    coordinator.open(workers)
    running: list[tuple[float, int, int]] = []  # heap of (when the epoch ends, trial, epochs before this one)

    def start_epoch(trial: int, epochs: int) -> None:
        heapq.heappush(running, (clock.now + recording.runs[order[trial]].seconds[epochs], trial, epochs))

    while not coordinator.over:
        while len(running) < workers and (assignment := coordinator.next()) is not None:
            start_epoch(assignment.trial, assignment.epochs)
        if running:
            clock.now, trial, epochs = heapq.heappop(running)
            if coordinator.report(_epoch_done(recording, order[trial], trial, epochs)):
                start_epoch(trial, epochs + 1)
    return coordinator.state, clock.now


def _epoch_done(recording: Recording, index: int, trial: int, epochs: int) -> EpochDone:
    """The event of the epoch after `epochs` ones, as `trial` of the sweep; `index` is the run's in the recording."""
    run = recording.runs[index]
    point, seconds = run.curve.points[epochs], run.seconds[epochs]
    metrics = {} if point.value is None else {recording.metric: point.value}
    recorded_losses = {"train": point.loss, "val": point.held_out}
    losses = {name: loss for name, loss in recorded_losses.items() if loss is not None}
    return EpochDone(trial, point.epoch, point.phase, metrics, losses, {}, {"train": seconds})


def _delete_nothing(trial: int, epoch: int) -> None:
    """Recorded runs have no checkpoints."""


@dataclass(frozen=True)
class SimulationResult:
    """How one simulation ended.

    Attributes:
        epochs: share of all recorded epochs that were trained, 0 to 1.
        seconds: virtual time to the end of the sweep, as a share of what all recorded epochs take when no worker is
            ever idle.
        regret: how far the result of the sweep is behind the best of all runs by the same objective, as a share of the
            latter; 1 if there is no result. The result is the best that any run had reached which counts, stopped or
            not, as if each had written a checkpoint after every epoch. Runs that had been cut off when they
            were recorded do not count.
        winner_stopped: the rule that ended the best run of all; "" if it was trained to its end.
        reasons: number of runs by the reason why they ended.
    """

    epochs: float
    seconds: float
    regret: float
    winner_stopped: str
    reasons: Counter[str]


def simulate_shuffled(
    recording: Recording, scheduler_settings: dict[str, Any], workers: int, seed: int
) -> SimulationResult:
    """One simulation with the runs in a random order that follows from `seed`.

    Raises:
        DataError: no run of the recording was trained to its end, so there is no best one to compare with.
    """
    order = list(range(len(recording.runs)))
    random.Random(f"order/{seed}").shuffle(order)
    state, seconds = simulate(recording, scheduler_settings, workers, order)
    trial_of_run = {order[trial.started.trial]: trial for trial in state.trials.search}
    objective = state.plan.spec.objective
    values = [(run.reached(objective), index) for index, run in enumerate(recording.runs) if not run.censored]
    ranked = [(value, index) for value, index in values if value is not None]
    if not ranked:
        raise DataError(f"{recording.name}: none of its runs was trained to its end with a {recording.metric}")
    best, winner = max(ranked)
    results = []
    for trial in (trial_of_run[index] for _, index in ranked):
        reached, epochs = trial.curve.reached, range(1, trial.curve.epoch + 1)
        if reached and counts(reached, objective, trial.finished, epochs):
            results.append(trial.curve.oriented(reached.value))
    winner_decision = trial_of_run[winner].decision
    assert winner_decision is not None
    return SimulationResult(
        epochs=state.epochs / recording.epochs,
        seconds=seconds * workers / recording.seconds,
        regret=(best - max(results)) / abs(best) if results and best else float(not results),
        winner_stopped="" if winner_decision.reason == "done" else winner_decision.reason,
        reasons=Counter(trial.decision.reason for trial in state.trials.search if trial.decision),
    )
