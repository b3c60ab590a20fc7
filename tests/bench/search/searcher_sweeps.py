"""Sweeps on `landscape.py` in virtual time, for `searcher.py`: four workers, stopping ASHA, and what was to be had."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import optuna

from search.pruning.curve import Curve, Point
from search.pruning.stopping import StoppingASHA
from search.sampling.searcher import Searcher
from spaces.space import Draw
from tests.support.landscape import EPOCHS, Task

WORKERS = 4
RUNGS = (3, 9)


@dataclass(frozen=True)
class Ended:
    """One trial: what it drew, what became of it, the level it showed and its true quality."""

    drawn: dict[str, Any]
    outcome: str
    epochs: int
    level: float | None
    quality: float


Drawing = Callable[[Task, optuna.Trial], dict[str, Any]]


def searcher_of(task: Task, drawing: Drawing, sampler: optuna.samplers.BaseSampler) -> Searcher:
    searcher = Searcher(lambda trial: drawing(task, trial), "max", "random", 0)
    searcher.sampler_of = lambda trial: sampler
    return searcher


def sweep(
    task: Task, searcher: Searcher, trials: int, seed: int, first: list[dict[str, Any]] | None = None
) -> list[Ended]:
    """One sweep, its workers in turn an epoch each; `first` is trained before anything is asked for."""
    asha = StoppingASHA(RUNGS[0], 3.0, EPOCHS)
    curves: dict[int, Curve] = {}
    drawn: dict[int, dict[str, Any]] = {}
    ended: dict[int, Ended] = {}
    queue = list(first or [])
    running: list[int] = []
    while len(ended) < trials:
        while len(running) < WORKERS and len(drawn) < trials:
            number = len(drawn)
            drawn[number] = searcher.ask(number, queue.pop(0) if queue else searcher.propose(number, {}))
            curves[number] = Curve()
            running.append(number)
        for number in list(running):
            outcome = step(task, asha, searcher, number, curves[number], drawn[number], seed)
            if outcome:
                level = curves[number].smoothed_value
                searcher.tell(number, outcome, level)
                ended[number] = Ended(drawn[number], outcome, curves[number].epoch, level, task.quality(drawn[number]))
                running.remove(number)
    return [ended[number] for number in sorted(ended)]


def step(
    task: Task, asha: StoppingASHA, searcher: Searcher, number: int, curve: Curve, drawn: Mapping[str, Any], seed: int
) -> Any:
    """One epoch of one trial; what became of it, or None while it goes on."""
    epoch = curve.epoch + 1
    value = task.value(drawn, epoch, f"{seed}/{number}")
    curve.add(Point(epoch, value, 1.0))
    if value is None:
        asha.end(number, "nonfinite")
        return "infeasible"
    searcher.report(number, epoch, value)
    if epoch == EPOCHS:
        return "complete"
    asha.arrive(number, curve)
    rung = asha.due(number)
    if rung is None:
        return None
    action = asha.action(number, rung, 1)
    asha.record(number, rung, action)
    return "pruned" if action == "stop" else None


@cache
def reachable(space: str, seed: int) -> float:
    """The best true quality of 20,000 random draws that do not diverge."""
    task = Task.of(space, seed)
    return best_of(task, seed)


def best_of(task: Task, seed: int) -> float:
    best = 0.0
    source = random.Random(f"reach/{seed}")
    for _ in range(20_000):
        drawn = drawn_at_random(task, source)
        if task.diverges_at(drawn) is None:
            best = max(best, task.quality(drawn))
    return best


class RandomTrial:
    """Draws evenly, like Optuna's random sampler but fast."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        share = self._source.random()
        return float(low * (high / low) ** share) if log else low + (high - low) * share

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._source.randint(low, high)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._source.choice(choices)


def drawn_at_random(task: Task, source: random.Random) -> dict[str, Any]:
    drawing = Draw(RandomTrial(source))
    task.space(drawing)
    return drawing.values


def selected(trials: list[Ended]) -> float:
    """The true quality of the complete trial that looked best; 0 without one."""
    complete = [trial for trial in trials if trial.outcome == "complete" and trial.level is not None]
    return max(complete, key=lambda trial: trial.level or 0.0).quality if complete else 0.0
