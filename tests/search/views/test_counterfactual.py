from __future__ import annotations

from pathlib import Path

import pytest

from search.journal.events import Decided
from search.views.counterfactual import counterfactual
from search.views.explain import explanation
from search.views.tables import rung_table
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, grown, swept


def test_the_counterfactual_at_a_rung_names_the_trials_ahead_and_the_cutoff(data: Path, tmp_path: Path) -> None:
    state = swept(plan_of(data, trials=12, preset="long", confirm_top=0, seed=1), tmp_path / "journal").state
    behind = next(trial for trial in state.trials.search if trial.decision and trial.decision.reason == "rung")
    ahead, needed = counterfactual(state, behind)
    assert ahead.startswith("Ahead of it at the epoch-")
    assert "To be promoted it needed projected score " in needed
    assert {ahead, needed} <= set(explanation(state, behind))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"nan_at": 2}, "It would have continued with a finite training loss in one of those epochs"),
        ({"diverge_at": 3}, "it would have continued with a single epoch below 2 x"),
    ],
)
def test_the_counterfactual_of_a_failed_trial_is_what_its_rule_accepts(
    data: Path, tmp_path: Path, settings: dict[str, int], words: str
) -> None:
    plan = plan_of(data, trials=1, enqueue=["good"], set={"epochs": 9, **settings}, audit=0.0)
    state = swept(plan, tmp_path / "journal").state
    (sentence,) = counterfactual(state, state.trials[0])
    assert words in sentence


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"cv": 0.3, "window": 10, "best": 0.1, "median": 0.2}, "variation of the metric below its 30%"),
        ({"cv": 0.091, "epochs": 12}, "variation of the training loss below its 9.1%"),
    ],
)
def test_the_counterfactual_of_an_oscillating_trial_names_what_oscillated(
    data: Path, numbers: dict[str, float], words: str
) -> None:
    state = grown(data, trials=1)
    trial = state.trials[0]
    trial.decisions.take_back()
    trial.decisions.append(Decided(0, 12, "stop", "oscillating", "", numbers))
    (sentence,) = counterfactual(state, trial)
    assert words in sentence


def test_a_trial_that_trained_to_its_end_has_no_counterfactual(data: Path, tmp_path: Path) -> None:
    state = swept(plan_of(data, trials=1, confirm_top=0), tmp_path / "journal").state
    assert list(counterfactual(state, state.trials[0])) == []


def test_a_demoted_trial_says_why_and_what_may_become_of_it(data: Path, tmp_path: Path) -> None:
    enqueue = ["steady", "wild", "good", "slow"]
    plan = plan_of(data, trials=4, preset="long", grace_epochs=3, enqueue=enqueue, min_peers=1, confirm_top=0)
    workers = Workers(places=1)
    coordinator = coordinator_of(plan, tmp_path / "journal", workers)
    coordinator.open(1)
    demoted = None
    while demoted is None:
        workers.fill(coordinator)
        for trial in list(workers.running):
            workers.step(coordinator, trial)
        demoted = next((trial for trial in coordinator.state.trials.paused.values() if trial.number == 1), None)
    sentences = explanation(coordinator.state, demoted)
    why = "After epoch 4 it was paused (diverging: loss rose and stayed high): training loss was at least 10"
    assert any(sentence.startswith(why) for sentence in sentences)
    assert list(counterfactual(coordinator.state, demoted))[-1] in sentences
    assert "It was demoted, not stopped: if others at its rung fail, it is promoted." in sentences
    paused = [row[3] for row in rung_table(coordinator.state).rows if row[0] == "4"]
    assert paused == ["1"]
