"""The model of ranks finds where trials are good, spreads over many workers, and is the same after a resume."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from search.sampling.epoch_time import predicted_seconds
from search.sampling.rank_model import AT_RANDOM, BEST_TRIALS, MEMBERS, NEAR_FROM, RIVALS, RankModel, _members
from search.sampling.ranking import Scored
from search.sampling.searcher import Searcher
from spaces.cube import Configurations

BEST = (0.3, 0.8)


def drawn(number: int, near: Sequence[Mapping[str, Any]] = (), by_steps: bool = False) -> list[dict[str, Any]]:
    generator = np.random.default_rng(number)
    return [{"x": float(x), "y": float(y)} for x, y in generator.uniform(size=(200, 2))]


def off(values: dict[str, Any]) -> float:
    return math.hypot(values["x"] - BEST[0], values["y"] - BEST[1])


CONFIGURATIONS = Configurations(drawn, lambda values: [values["x"], values["y"]])


def searcher() -> Searcher:
    def draw(trial: Any) -> dict[str, Any]:
        return {"x": trial.suggest_float("x", 0.0, 1.0), "y": trial.suggest_float("y", 0.0, 1.0)}

    return Searcher(draw, "max", "rank_gp", 0, [3, 9], model=RankModel(CONFIGURATIONS))


def trained(search: Searcher, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The values of these trials, each of which ended at the first rung."""
    asked = []
    for number in numbers:
        asked.append(search.ask(number, search.propose(number, {})))
        search.report(number, 3, -off(asked[-1]))
        search.tell(number, "pruned", -off(asked[-1]))
    return asked


def test_it_finds_where_trials_are_good() -> None:
    distances = [off(values) for values in trained(searcher(), range(30))]
    assert statistics.median(distances[20:]) < 0.1 < 0.3 < statistics.median(distances[:AT_RANDOM])


def test_while_one_is_taken_at_random_no_others_are_drawn() -> None:
    """Drawing all took some 40 ms of the driver before each of the first trials."""
    taken: list[float] = []

    def one_by_one(number: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> Iterator[dict[str, Any]]:
        for values in drawn(number):
            taken.append(values["x"])
            yield values

    model = RankModel(Configurations(one_by_one, CONFIGURATIONS.point))
    ranked = [Scored(values, float(index)) for index, values in enumerate(drawn(99)[:AT_RANDOM])]
    assert model.choose(0, ranked[1:]) == drawn(0)[0]
    assert len(taken) == 1
    model.look(AT_RANDOM, lambda: ranked)
    assert model.choose(1, ranked) in drawn(1)
    assert len(taken) == 1 + len(drawn(1))


def test_the_first_are_drawn_at_random() -> None:
    search = searcher()
    for number in range(AT_RANDOM):
        assert search.propose(number, {}) == drawn(number)[0]
        trained(search, [number])
    assert search.propose(AT_RANDOM, {}) in drawn(AT_RANDOM)


def test_configurations_near_the_best_are_asked_for_once_there_are_many_trials() -> None:
    ranked = [Scored(values, -off(values)) for values in drawn(0)[:NEAR_FROM]]
    assert [asked_for(trials, named=()) for trials in (ranked[:-1], ranked)] == [((), False), (best_of(ranked), False)]


def asked_for(trials: Sequence[Scored], named: Sequence[Mapping[str, Any]]) -> tuple[Any, bool]:
    """What the next candidates are to be near, and whether by steps."""
    asked: list[tuple[Any, bool]] = []

    def draw(number: int, near: Sequence[Mapping[str, Any]], by_steps: bool) -> list[dict[str, Any]]:
        asked.append((near, by_steps))
        return drawn(number)

    model = RankModel(replace(CONFIGURATIONS, draw=draw), named)
    model.look(sum(trial.score is not None for trial in trials), partial(list, trials))
    model.choose(len(trials), trials)
    return asked[0]


def best_of(ranked: Sequence[Scored]) -> list[Mapping[str, Any]]:
    return [trial.values for trial in sorted(ranked, key=lambda trial: off(dict(trial.values)))[:BEST_TRIALS]]


KNOWN = {"x": BEST[0], "y": BEST[1] + 0.01}


def test_a_known_training_that_is_ahead_of_all_random_ones_ends_the_random_start() -> None:
    trials = [Scored(values, -off(values)) for values in [KNOWN, *drawn(0)[:RIVALS]]]
    assert len(trials) < AT_RANDOM
    assert asked_for(trials, [KNOWN]) == (best_of(trials), True)
    assert asked_for(trials[:-1], [KNOWN]) == ((), False)
    assert asked_for(trials, []) == ((), False), "good by luck, for all that is known"


def test_a_known_training_that_is_not_ahead_changes_nothing() -> None:
    not_ahead = {"x": BEST[0] + 0.4, "y": BEST[1] - 0.4}
    trials = [Scored(values, -off(values)) for values in [not_ahead, *drawn(0)[: NEAR_FROM - 1]]]
    for count in range(RIVALS + 1, NEAR_FROM):
        assert asked_for(trials[:count], [not_ahead]) == ((), False)
    assert asked_for(trials, [not_ahead]) == (best_of(trials), False)


def test_its_lead_over_the_random_ones_counts_also_when_later_trials_are_better() -> None:
    trials = [Scored(values, -off(values)) for values in [KNOWN, *drawn(0)[:RIVALS], {"x": BEST[0], "y": BEST[1]}]]
    assert asked_for(trials, [KNOWN]) == (best_of(trials), True)


def test_while_one_of_the_random_ones_runs_the_known_training_is_not_ahead_yet() -> None:
    trials = [Scored(values, -off(values)) for values in [KNOWN, *drawn(0)[: RIVALS + 1]]]
    trials[RIVALS] = Scored(trials[RIVALS].values, None)
    assert asked_for(trials, [KNOWN]) == ((), False)


def test_what_is_given_is_not_chosen() -> None:
    search = searcher()
    trained(search, range(AT_RANDOM))
    chosen = search.propose(AT_RANDOM, {"x": 0.125})
    assert chosen.keys() == {"x", "y"}
    assert chosen["x"] == 0.125


def test_what_another_worker_explores_now_is_left_to_it() -> None:
    corners = [{"x": 0.95, "y": 0.95}, {"x": 0.95, "y": 0.05}]
    model = RankModel(replace(CONFIGURATIONS, draw=lambda number, near, by_steps: corners))
    # Known is a corner where nothing is to be had; the other two are equally far from it.
    ranked = [Scored({"x": 0.02 * number, "y": 0.5}, -0.1 * number) for number in range(10)]
    model.look(len(ranked), lambda: ranked)
    first = model.choose(10, ranked)
    assert first in corners
    second = model.choose(10, [*ranked, Scored(first, None)])
    assert second in corners
    assert second != first


@pytest.mark.parametrize("killed_after", [9, 15, 24])
def test_a_resumed_search_proposes_what_the_unbroken_one_would_have(killed_after: int) -> None:
    unbroken = trained(searcher(), range(30))
    resumed = searcher()
    for number, values in enumerate(unbroken[:killed_after]):
        resumed.ask(number, values)
        resumed.report(number, 3, -off(values))
        resumed.tell(number, "pruned", -off(values))
    assert trained(resumed, range(killed_after, 30)) == unbroken[killed_after:]


def test_of_many_trials_it_looks_at_the_best_and_the_newest() -> None:
    ranked = [Scored({"number": number}, -float(number)) for number in range(1000)]
    numbers = [member.values["number"] for member in _members(ranked)]
    assert numbers == [*range(MEMBERS // 2), *range(1000 - MEMBERS // 2, 1000)]


def test_in_a_space_of_few_configurations_each_is_trained_before_one_is_again() -> None:
    grid = [{"x": x / 3, "y": y / 3} for x in range(4) for y in range(4)]
    model = RankModel(replace(CONFIGURATIONS, draw=lambda number, near, by_steps: grid))
    trials = [Scored(values, -off(values)) for values in grid[:AT_RANDOM]]
    for number in range(AT_RANDOM, 17):
        model.look(len(trials), lambda: trials)
        chosen = model.choose(number, trials)
        assert chosen is not None
        trials.append(Scored(chosen, -off(chosen)))
    assert sorted(map(off, grid)) == sorted(off(dict(trial.values)) for trial in trials[:16])


def test_trials_that_are_all_alike_are_no_error() -> None:
    search = searcher()
    for number in range(12):
        search.ask(number, {"x": 0.5, "y": 0.5})
        search.report(number, 3, 0.25)
        search.tell(number, "pruned", 0.25)
    assert search.propose(12, {}).keys() == {"x", "y"}


# --- improvement per second ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_second", "lowest", "highest"), [(True, 0.8, 1.0), (False, 0.0, 0.7)])
def test_if_time_is_the_budget_the_quicker_of_two_that_promise_as_much_is_taken(
    per_second: bool, lowest: float, highest: float
) -> None:
    """Here only y decides how good a training is, and x how long its epochs take: from 100 to 1 s."""
    search = searcher()
    search.model = RankModel(CONFIGURATIONS, per_second=per_second)
    asked = []
    for number in range(30):
        asked.append(search.ask(number, search.propose(number, {})))
        value = -abs(asked[-1]["y"] - BEST[1])
        search.report(number, 3, value)
        search.report_seconds(number, 100 ** (1 - asked[-1]["x"]))
        search.tell(number, "pruned", value)
    chosen = asked[AT_RANDOM:]
    assert lowest <= statistics.median(values["x"] for values in chosen) <= highest
    assert statistics.median(abs(values["y"] - BEST[1]) for values in chosen) < 0.2


def test_where_no_time_is_known_the_improvement_counts_as_it_is() -> None:
    search, plain = searcher(), searcher()
    search.model = RankModel(CONFIGURATIONS, per_second=True)
    assert trained(search, range(12)) == trained(plain, range(12))


def test_the_time_of_an_epoch_is_predicted_as_a_product() -> None:
    generator = np.random.default_rng(0)
    points, new = generator.uniform(size=(60, 3)), generator.uniform(size=(20, 3))

    def seconds(rows: Any) -> Any:
        return 2.0 * 9 ** rows[:, 0] * 5 ** rows[:, 1]

    predicted = predicted_seconds(points, seconds(points) * generator.uniform(0.95, 1.05, 60), new)
    assert np.abs(np.log(predicted / seconds(new))).max() < 0.15


def test_one_trial_is_enough_for_a_prediction() -> None:
    predicted = predicted_seconds(np.array([[0.2, 0.7]]), np.array([30.0]), np.array([[0.9, 0.1], [0.2, 0.7]]))
    assert predicted == pytest.approx([30.0, 30.0])
