"""How much each setting mattered, on how many trials that rests, and where lost trials stand in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.views import figures
from search.views.importance import MIN_TRIALS, Importance, importance
from search.views.trial_order import ranking_key
from tests.support.fakes import plan_of
from tests.support.workers import grown, swept


def test_importance_rests_on_evenly_some_of_very_many_trials(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.views.importance.MOST_TRIALS", 100)
    shares = importance(grown(data, trials=950))
    assert shares.trials == 95
    assert next(iter(shares.shares)) == "quality"


def test_the_setting_that_makes_the_curve_is_the_most_important(data: Path) -> None:
    shares = importance(grown(data, trials=60)).shares
    assert next(iter(shares)) == "quality"
    assert sum(shares.values()) == pytest.approx(1.0)


def test_it_says_on_how_many_trials_it_rests_and_nothing_below_ten(data: Path) -> None:
    few = importance(grown(data, trials=MIN_TRIALS - 1))
    assert few == Importance({}, MIN_TRIALS - 1)
    many = importance(grown(data, trials=MIN_TRIALS))
    assert many.shares
    assert figures.importance_chart(many).note.startswith(f"PED-ANOVA over {MIN_TRIALS} trials")


def test_a_lost_trial_stands_behind_one_stopped_at_the_first_rung(data: Path, journal: Path) -> None:
    state = swept(plan_of(data, trials=24, enqueue=["steady", "lost"], seed=3), journal).state
    lost = [trial for trial in state.trials.search if trial.failed]
    sound = [trial for trial in state.trials.search if not trial.failed]
    assert lost
    assert max(map(ranking_key, lost)) < min(map(ranking_key, sound))
