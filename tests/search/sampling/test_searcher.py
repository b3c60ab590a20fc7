from __future__ import annotations

import math
import statistics
from typing import Any, Literal

import optuna
import pytest
from optuna.trial import TrialState

from search.pruning.curve import orient
from search.sampling.searcher import FAILURE_CONSTRAINT, Searcher
from search.sampling.study_view import StudyView


def mixed(trial: optuna.Trial) -> dict[str, Any]:
    """A space with every kind of range, and one that depends on another."""
    values: dict[str, Any] = {
        "lr": trial.suggest_float("lr", 1e-5, 1e-1, log=True),
        "depth": trial.suggest_int("depth", 1, 4),
        "shape": trial.suggest_categorical("shape", ["fast", "slow"]),
    }
    if values["depth"] > 1:
        values["dropout"] = trial.suggest_float("dropout", 0.0, 0.5)
    return values


def make(sampler: str = "random", seed: int = 1, mode: str = "max") -> Searcher:
    return Searcher(mixed, mode, sampler, seed)


def test_what_is_asked_reported_and_told_is_in_the_study() -> None:
    searcher = make()
    drawn = searcher.ask(7)
    searcher.report(7, 1, 0.25)
    searcher.report(7, 2, 0.5)
    searcher.tell(7, "complete", 0.4)
    (trial,) = searcher.study.trials
    assert trial.state is TrialState.COMPLETE
    assert trial.params == drawn
    assert trial.intermediate_values == {2: 0.5}  # samplers look at the last
    assert trial.value == 0.4
    assert trial.constraints == {FAILURE_CONSTRAINT: 0.0}


def test_a_trial_behind_at_a_rung_is_pruned_and_feasible() -> None:
    searcher = make()
    searcher.ask(0)
    searcher.report(0, 1, 0.1)
    searcher.tell(0, "pruned", 0.1)
    (trial,) = searcher.study.trials
    assert trial.state is TrialState.PRUNED
    assert trial.constraints == {FAILURE_CONSTRAINT: 0.0}


def test_a_lost_trial_is_infeasible_however_good_it_looked() -> None:
    searcher = make()
    searcher.ask(0)
    searcher.report(0, 1, 0.99)
    searcher.tell(0, "infeasible", 0.99)
    searcher.ask(1)
    searcher.report(1, 1, 0.1)
    searcher.tell(1, "complete", 0.1)
    lost, _ = searcher.study.trials
    assert lost.state is TrialState.PRUNED
    assert lost.constraints[FAILURE_CONSTRAINT] > 0
    assert searcher.study.best_trial.number == 1


@pytest.mark.parametrize("outcome", ["complete", "pruned"])
def test_a_trial_without_a_value_is_infeasible_whatever_became_of_it(outcome: Any) -> None:
    searcher = make()
    searcher.ask(0)
    searcher.tell(0, outcome, None)
    (trial,) = searcher.study.trials
    assert trial.state is TrialState.PRUNED
    assert trial.constraints[FAILURE_CONSTRAINT] > 0


def test_known_values_are_taken_instead_of_being_drawn() -> None:
    given_values = {"lr": 0.01, "depth": 3, "shape": "slow", "dropout": 0.25}
    searcher = make()
    assert searcher.ask(0, given_values) == given_values
    assert searcher.study.trials[0].params == given_values


def test_known_values_are_for_one_trial_only() -> None:
    searcher = make()
    searcher.ask(0, {"lr": 0.01})
    assert searcher.ask(1)["lr"] != 0.01


def test_known_values_that_are_not_asked_for_do_no_harm() -> None:
    drawn = make().ask(0, {"lr": 0.01, "depth": 1, "shape": "fast", "dropout": 0.25})
    assert drawn == {"lr": 0.01, "depth": 1, "shape": "fast"}


def test_trials_may_be_told_in_any_order() -> None:
    searcher = make("tpe")
    for number in range(6):
        searcher.ask(number)
    for number in reversed(range(6)):
        searcher.tell(number, "complete", number / 10)
    assert [trial.value for trial in searcher.study.trials] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def asks(searcher: Searcher, count: int) -> list[dict[str, Any]]:
    """So many configurations, each told what became of it."""
    configurations = []
    for number in range(count):
        configurations.append(searcher.ask(number))
        searcher.report(number, 1, number / count)
        searcher.tell(number, ("complete", "pruned", "infeasible")[number % 3], number / count)
    return configurations


@pytest.mark.parametrize("sampler", ["tpe", "tpe_univariate", "random", "gp", "cmaes", "qmc"])
@pytest.mark.parametrize("mode", ["max", "min"])
def test_every_sampler_draws_from_a_mixed_space(sampler: str, mode: str) -> None:
    searcher = make(sampler, mode=mode)
    drawn = asks(searcher, 12)
    assert all(1e-5 <= values["lr"] <= 1e-1 and values["depth"] in (1, 2, 3, 4) for values in drawn)
    assert len({values["lr"] for values in drawn}) > 10
    assert not [trial for trial in searcher.study.trials if trial.state is TrialState.RUNNING]


@pytest.mark.e2e  # imports torch: ten seconds
def test_gaussian_processes_are_fitted_once_ten_trials_are_complete() -> None:
    searcher = make("gp")
    for number in range(13):
        lr = searcher.ask(number)["lr"]
        searcher.tell(number, "complete", -abs(lr - 0.01))
    assert abs(searcher.study.best_params["lr"] - 0.01) < 0.01


@pytest.mark.e2e
@pytest.mark.parametrize("mode", ["max", "min"])
def test_gaussian_processes_learn_from_trials_that_were_stopped_or_wait_at_a_rung(mode: str) -> None:
    searcher, off = Searcher(mixed, mode, "gp", 1, rungs=[3]), []
    for number in range(20):
        off.append(abs(math.log10(searcher.ask(number)["lr"]) + 2))
        searcher.report(number, 3, -off[-1] if mode == "max" else off[-1])
        if number % 2:
            searcher.tell(number, "pruned", 0.5)
        else:
            searcher.pause(number)
    assert statistics.median(off[12:]) < 0.3 < statistics.median(off[:10])


Outcome = Literal["complete", "pruned", "infeasible"]


@pytest.mark.parametrize("mode", ["max", "min"])
def test_while_one_is_drawn_trials_are_ranked_at_the_last_rung_that_each_two_reached(mode: str) -> None:
    """Trial 1 waits at the first rung, where it is ahead of trial 0, which was promoted; a lost one is last."""
    searcher = Searcher(mixed, mode, "tpe", 1, rungs=[3, 9])
    trials: list[tuple[dict[int, float], Outcome]] = [
        ({2: 0.1, 5: 0.4, 9: 0.4}, "pruned"),  # nothing was evaluated in epoch 3: .1 counts there
        ({3: 0.2}, "pruned"),
        ({3: 0.3, 27: 0.9}, "infeasible"),
        ({3: 0.5, 9: 0.6, 27: 0.7}, "complete"),
        ({1: 0.9}, "pruned"),  # stopped by hand before the first rung, so it ties with each other
        ({3: 0.05, 4: 0.45}, "complete"),  # ended early by itself: no later rung would have changed it
    ]
    for number, (reports, outcome) in enumerate(trials):
        searcher.ask(number)
        for epoch, value in reports.items():
            searcher.report(number, epoch, orient(value, mode))
        searcher.tell(number, outcome, orient(max(reports.values()), mode))
    view = searcher.study._storage
    assert isinstance(view, StudyView)
    with view.ranked():
        ranked = view.get_all_trials(0)
    assert {trial.state for trial in ranked} == {TrialState.COMPLETE}
    scores = [orient(trial.value or 0.0, mode) for trial in ranked]
    assert sorted(range(6), key=scores.__getitem__) == [2, 0, 5, 4, 1, 3]
    assert [trial.state for trial in searcher.study.trials].count(TrialState.PRUNED) == 4, "as they are, otherwise"


@pytest.mark.parametrize("sampler", ["tpe", "tpe_univariate", "random", "cmaes", "qmc"])
def test_the_same_seed_gives_the_same_search(sampler: str) -> None:
    assert asks(make(sampler), 5) == asks(make(sampler), 5)


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_a_restart_with_another_seed_does_not_repeat_the_first_draws(sampler: str) -> None:
    first = asks(make(sampler, seed=1), 4)
    again = make(sampler, seed=2)
    for number, drawn in enumerate(first):
        assert again.ask(number, drawn) == drawn
        again.tell(number, "complete", 0.5)
    later = [again.ask(number)["lr"] for number in range(4, 8)]
    assert not {values["lr"] for values in first} & set(later)


def test_tpe_avoids_where_trials_were_lost() -> None:
    """Every training with lr above 0.01 is lost although it looked best: TPE must learn to go below."""
    searcher = make("tpe")
    for number in range(40):
        lost = searcher.ask(number)["lr"] > 0.01
        searcher.report(number, 1, 0.9 if lost else 0.5)
        searcher.tell(number, "infeasible" if lost else "complete", 0.9 if lost else 0.5)
    late = [trial.params["lr"] for trial in searcher.study.trials[20:]]
    assert sum(lr > 0.01 for lr in late) <= 4


def test_a_distribution_is_kept_once_however_many_trials_drew_from_it() -> None:
    searcher = make()
    asks(searcher, 5)
    identities = {id(trial.distributions["lr"]) for trial in searcher.study.get_trials(deepcopy=False)}
    assert len(identities) == 1
