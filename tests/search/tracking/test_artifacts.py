"""The files of a trial's run in MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.journal.events import EpochDone, Row, TrialStarted
from search.pruning.curve_statistics import curve_statistics
from search.state.sweep_state import SweepState
from search.tracking.artifacts import trial_files
from tests.support.fakes import plan_of


def files(data: Path, target: Path, epochs: int, steps: int) -> set[str]:
    plan = plan_of(data, trials=1)
    state = SweepState(plan)
    started = TrialStarted(0, "search", 0, "", 0, {}, plan.settings({}, seed=0).model_dump())
    losses = [1.0 / number for number in range(1, steps + 1)]
    done = [
        EpochDone(0, epoch, "main", {"score": 0.5}, {"train": 1.0}, {"all": 0.1}, {}, steps=losses)
        for epoch in range(1, epochs + 1)
    ]
    state.apply(Row(1, 0.0, started))
    for event in done:
        state.apply(Row(1 + event.epoch, 0.0, event))
    trial = state.trials[0]
    target /= "files"
    target.mkdir()
    trial_files(trial, done, curve_statistics(trial.curve), "score", target, target)
    return {path.name for path in target.iterdir()}


@pytest.mark.parametrize(("epochs", "steps"), [(3, 0), (2, 3), (1, 3)])
def test_a_trial_with_a_course_has_its_figure(data: Path, tmp_path: Path, epochs: int, steps: int) -> None:
    assert files(data, tmp_path, epochs, steps) == {"settings.yaml", "phases.md", "stability.png"}


@pytest.mark.parametrize(("epochs", "steps"), [(2, 0), (1, 0), (1, 1)])
def test_a_trial_of_two_points_has_its_numbers_alone(data: Path, tmp_path: Path, epochs: int, steps: int) -> None:
    assert files(data, tmp_path, epochs, steps) == {"settings.yaml", "phases.md"}
