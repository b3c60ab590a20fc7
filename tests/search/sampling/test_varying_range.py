"""A number with a range for each branch: Optuna's joint model has it, and a resumed sweep gets the same study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from search.sampling.rank_model import RankModel
from search.sampling.searcher import Searcher
from search.sweep.seeds import derived
from spaces.cube import Configurations, at_random, number_at, point, share
from spaces.space import Draw, drawn, ranges
from spaces.value_range import Range

RATES = {"adamw": (1e-5, 1e-2), "sgd": (1e-4, 1e-1)}


def space(draw: Draw) -> None:
    optimizer = draw.choice("optimizer", list(RATES))
    draw.float("lr", *RATES[optimizer], log=True)
    draw.float("decay", 0.0, 1.0)


def searcher(sampler: str = "tpe", varying: tuple[str, ...] = ("lr",)) -> Searcher:
    return Searcher(lambda trial: drawn(space, trial, {}), "max", sampler, 3, varying=varying)


def asked(sampler: str, trials: int = 30) -> tuple[Searcher, list[dict[str, Any]]]:
    """A study, and what it was asked for: the value of a trial is how near its rate is to the optimizer's best."""
    search = searcher(sampler)
    values = []
    for number in range(trials):
        values.append(search.ask(number))
        search.tell(number, "complete", -abs(position(values[-1]) - 0.7))
    return search, values


def position(values: dict[str, Any]) -> float:
    return share(values["lr"], Range("float", *RATES[values["optimizer"]], log=True))


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_each_branch_draws_from_its_own_range(sampler: str) -> None:
    for values in asked(sampler)[1]:
        low, high = RATES[values["optimizer"]]
        assert low <= values["lr"] <= high


def test_the_joint_model_has_it() -> None:
    """Optuna models jointly what every trial drew from one range; without shares the rate is not among it."""
    search, _ = asked("tpe")
    joint = search.sampler_of(0).infer_relative_search_space(search.study, search.study.trials[-1])
    assert set(joint) == {"optimizer", "lr", "decay"}
    plain = searcher(varying=())
    for number in range(30):
        plain.ask(number)
        plain.tell(number, "complete", 0.0)
    joint = plain.sampler_of(0).infer_relative_search_space(plain.study, plain.study.trials[-1])
    assert set(joint) == {"optimizer", "decay"}


def test_what_was_learned_with_one_optimizer_helps_with_the_other() -> None:
    values = asked("tpe", 60)[1]
    late = [abs(position(configuration) - 0.7) for configuration in values[40:]]
    assert sum(late) / len(late) < 0.15, "0.29 by chance"


def test_the_model_of_ranks_learns_the_rates_that_were_drawn_not_their_shares() -> None:
    """It once saw shares, which lie beyond any range of rates: so all rates were the same to it."""

    def draw(number: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> list[dict[str, Any]]:
        return [at_random(space, {}, derived(number, str(index))) for index in range(50)]

    model = RankModel(Configurations(draw, lambda values: point(values, ranges(space))))
    search = Searcher(lambda trial: drawn(space, trial, {}), "max", "rank_gp", 3, varying=("lr",), model=model)
    off = []
    for number in range(30):
        values = search.ask(number, search.propose(number, {}))
        off.append(abs(position(values) - 0.7))
        search.tell(number, "complete", -off[-1])
    assert sum(off[15:]) / 15 < 0.2, "0.29 by chance"


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp"])
def test_a_study_that_is_told_what_was_drawn_is_the_same_study(sampler: str) -> None:
    search, values = asked(sampler, 12)
    again = searcher(sampler)
    for number, configuration in enumerate(values):
        assert again.ask(number, configuration) == configuration
        again.tell(number, "complete", -abs(position(configuration) - 0.7))
    assert [trial.params for trial in again.study.trials] == [trial.params for trial in search.study.trials]
    assert again.ask(12) == search.ask(12)


@pytest.mark.parametrize("given", [{"lr": 0.0123}, {"lr": 0.05, "optimizer": "adamw"}])
def test_a_number_that_a_user_gives_is_taken_as_it_is(given: dict[str, Any]) -> None:
    """Also where the optimizer is drawn, or has another range."""
    assert searcher().ask(0, given).items() >= given.items()


@pytest.mark.parametrize("log", [True, False])
def test_a_share_and_its_number_belong_together(log: bool) -> None:
    span = Range("float", 1e-4, 1e-1, log)
    for where in (0.0, 0.25, 0.7, 1.0):
        assert share(number_at(where, span), span) == pytest.approx(where, abs=1e-12)
