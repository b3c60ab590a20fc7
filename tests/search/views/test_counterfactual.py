from __future__ import annotations

from pathlib import Path

import pytest

from search.views.counterfactual import counterfactual
from search.views.explain import explanation
from tests.support.fakes import plan_of
from tests.support.workers import swept


def test_a_trial_that_stayed_behind_hears_who_was_ahead_and_what_it_needed(data: Path, tmp_path: Path) -> None:
    state = swept(plan_of(data, trials=12, preset="long", confirm_top=0, seed=1), tmp_path / "journal").state
    behind = next(trial for trial in state.trials.search if trial.decision and trial.decision.reason == "rung")
    ahead, needed = counterfactual(state, behind)
    assert ahead.startswith("Ahead of it at the epoch-")
    assert "To be promoted it needed projected score " in needed
    assert {ahead, needed} <= set(explanation(state, behind))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nan_at": 2}, "A finite training loss in one of those epochs"),
        ({"diverge_at": 3}, "The loss stayed at 20.00 x its best or above; a single epoch below 2 x"),
    ],
)
def test_a_lost_trial_hears_what_its_rule_would_have_let_pass(
    data: Path, tmp_path: Path, settings: dict[str, int], words: str
) -> None:
    made = plan_of(data, trials=1, set={"epochs": 9, **settings}, audit=0.0)
    state = swept(made, tmp_path / "journal").state
    (said,) = counterfactual(state, state.trials[0])
    assert words in said


def test_a_trial_that_was_trained_out_has_nothing_to_hear(data: Path, tmp_path: Path) -> None:
    state = swept(plan_of(data, trials=1, confirm_top=0), tmp_path / "journal").state
    assert list(counterfactual(state, state.trials[0])) == []
