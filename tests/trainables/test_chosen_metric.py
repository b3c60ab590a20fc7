"""Any metric that a recipe reports may be what a sweep optimises, and so may a weighted sum of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from tests.support.fakes import Curves
from trainables.declared import declared
from trainables.errors import SettingsError
from trainables.look import Look
from trainables.recipe import AnyRecipe
from trainables.registry import find

CURVES = "tests.support.fakes:Curves"


def first_metrics(recipe: AnyRecipe, folder: Path) -> dict[str, float]:
    settings = recipe.settings("short", {})
    return dict(next(iter(recipe.train(settings, recipe.open(recipe.sample(folder)), folder))).metrics)


def test_another_metric_is_optimised(tmp_path: Path) -> None:
    recipe = find(CURVES, {"metric": {"name": "error", "mode": "min"}})
    assert (recipe.metric, recipe.mode) == ("error", "min")
    assert first_metrics(recipe, tmp_path) == first_metrics(find(CURVES), tmp_path)


def test_a_weighted_sum_is_added_to_the_metrics(tmp_path: Path) -> None:
    recipe = find(CURVES, {"metric": {"name": "both", "mode": "max", "sum": {"score": 2.0, "error": -1.0}}})
    metrics = first_metrics(recipe, tmp_path)
    assert metrics["both"] == pytest.approx(2 * metrics["score"] - metrics["error"])


class Guessed(Curves):
    """Curves of which it is known what guessing reaches."""

    def look(self, settings: Any, data: Any) -> Look:
        return Look(guesses={"majority class": {"score": 0.5, "error": 0.3}, "random": {"score": 0.1}})


def test_a_weighted_sum_is_known_of_the_guesses_too_where_all_its_metrics_are() -> None:
    recipe = declared(Guessed(), {"metric": {"name": "both", "mode": "max", "sum": {"score": 2.0, "error": -1.0}}})
    look = recipe.look(recipe.settings("short", {}), None)
    assert look.guessed("both") == pytest.approx({"majority class": 0.7})
    assert look.guessed("score") == {"majority class": 0.5, "random": 0.1}


def test_the_recipes_own_metric_may_be_named() -> None:
    assert type(find(CURVES, {"metric": {"name": "score"}})) is type(find(CURVES))


def test_a_metric_that_is_not_reported_fails_the_first_epoch(tmp_path: Path) -> None:
    recipe = find(CURVES, {"metric": {"name": "recal", "mode": "max"}})
    with pytest.raises(SettingsError, match="metric: curves reports no 'recal'; valid: error, score"):
        first_metrics(recipe, tmp_path)


def test_whether_higher_is_better_must_be_said() -> None:
    with pytest.raises(SettingsError, match="metric is 'error'; say whether higher or lower values are better"):
        find(CURVES, {"metric": {"name": "error"}})
    with pytest.raises(SettingsError, match=r"metric.losses is for `recipe: command`; curves reports"):
        find(CURVES, {"metric": {"name": "error", "mode": "min", "losses": ["x"]}})


def test_a_sweep_file_names_it(tmp_path: Path) -> None:
    values = {"name": "a", "recipe": CURVES, "preset": "short", "data": str(tmp_path)}
    plan = make_plan(read_spec({**values, "metric": {"name": "error", "mode": "min"}}, "sweep.yaml"))
    assert (plan.recipe.metric, plan.recipe.mode) == ("error", "min")
