"""The state tells its listeners, in the journal's order; without listeners it needs neither scheduler nor Optuna."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from search.journal.events import Decided, EpochDone, Event, Row, TrialStarted
from search.pruning.stopping import StoppingASHA
from search.sampling.searcher import Searcher
from search.state.listeners import SamplerListener, SchedulerListener
from search.state.sweep_state import SweepState
from search.sweep.plan import draw
from tests.support import REPOSITORY
from tests.support.fakes import plan_of

STARTED = TrialStarted(0, "search", 0, "", 0, {"quality": 0.5, "shape": "fast", "depth": 1}, {"epochs": 9})


def epoch(number: int, score: float | None, trial: int = 0) -> EpochDone:
    return EpochDone(trial, number, "main", {} if score is None else {"score": score}, {"train": 1.0}, {}, {})


@pytest.fixture
def searcher(data: Path) -> Searcher:
    plan = plan_of(data)
    return Searcher(lambda trial: draw(plan, trial), "max", "random", 0)


def state_with(data: Path, listener: Any, *events: Event) -> SweepState:
    state = SweepState(plan_of(data), [listener])
    for seq, event in enumerate(events):
        state.apply(Row(seq, float(seq), event))
    return state


def test_a_trial_from_the_journal_is_asked_for_with_its_values(data: Path, searcher: Searcher) -> None:
    state_with(data, SamplerListener(searcher, {}, {}), STARTED)
    (trial,) = searcher.study.trials
    assert trial.params == STARTED.drawn


def test_a_trial_that_was_just_drawn_is_not_asked_for_again(data: Path, searcher: Searcher) -> None:
    searcher.ask(0, STARTED.drawn)
    state_with(data, SamplerListener(searcher, {}, {}), STARTED)
    assert len(searcher.study.trials) == 1


def test_epochs_without_a_finite_value_are_not_reported(data: Path, searcher: Searcher) -> None:
    events: list[Event] = [STARTED, epoch(1, None), epoch(2, 0.25), epoch(3, math.nan)]
    state_with(data, SamplerListener(searcher, {}, {}), *events)
    assert searcher.study.trials[0].intermediate_values == {2: 0.25}


@pytest.mark.parametrize("kind", ["confirm", "audit"])
def test_confirmations_and_audits_are_unknown_to_scheduler_and_sampler(
    data: Path, searcher: Searcher, kind: Any
) -> None:
    events: list[Event] = [
        TrialStarted(1, kind, 0, "", 0, STARTED.drawn, {"epochs": 9}),
        epoch(1, 0.5, trial=1),
        Decided(1, 1, "stop", "done", "trained all 1 epochs"),
    ]
    state_with(data, SamplerListener(searcher, {}, {}), *events)
    assert searcher.study.trials == []
    scheduler = StoppingASHA(1, 3.0, 9)
    state_with(data, SchedulerListener(scheduler), *events)
    assert scheduler.due(1) is None


def test_the_scheduler_compares_a_trial_at_the_rung_that_it_has_reached(data: Path) -> None:
    scheduler = StoppingASHA(2, 3.0, 9)
    listener = SchedulerListener(scheduler)
    state_with(data, listener, STARTED, epoch(1, 0.5))
    assert scheduler.due(0) is None
    state_with(data, listener, STARTED, epoch(1, 0.5), epoch(2, 0.5))
    assert scheduler.due(0) == 2


def test_reading_a_sweep_imports_neither_optuna_nor_ray() -> None:
    code = "import sys, search.state.follower, search.state.outcome; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "search.state.sweep_state" in done.stdout.split()
    assert not {"optuna", "ray", "mlflow", "torch", "scipy"} & set(done.stdout.split())
