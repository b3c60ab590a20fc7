from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from search.sweep.candidates import configurations
from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from spaces.space import drawable
from tests.support.fakes import plan_of
from trainables.registry import find


def test_new_configurations_have_about_half_of_the_baselines_augmentation(tmp_path: Path) -> None:
    """Drawn evenly, a configuration of a dozen kinds would have next to none of them off, as Ultralytics has most."""
    recipe = find("ultralytics")
    spec = read_spec({"recipe": "ultralytics", "name": "a", "data": str(tmp_path), "preset": "tiny"}, "test")
    plan = make_plan(spec, training=False)
    usual = recipe.settings("tiny", {}, recipe.baseline).model_dump()
    names = [name for name in recipe.augmentation if name in plan.ranges]
    assert len(names) > 10
    drawn = list(configurations(plan).draw(0, (), False))
    shares = [sum(values[name] == usual[name] for name in names) / len(names) for values in drawn]
    assert 0.45 < sum(shares) / len(shares) < 0.55
    assert not any(values["lr0"] == usual["lr0"] for values in drawn), "only augmentation"


def test_a_recipe_without_augmentation_draws_evenly(data: Path) -> None:
    drawn = list(configurations(plan_of(data)).draw(3, (), False))
    assert len({values["quality"] for values in drawn}) == len(drawn)


@pytest.mark.parametrize("by_steps", [False, True])
def test_every_second_configuration_is_near_one_of_those_that_are_given(tmp_path: Path, by_steps: bool) -> None:
    spec = read_spec({"recipe": "rgbt", "name": "a", "data": str(tmp_path), "preset": "tiny"}, "test")
    plan = make_plan(spec, training=False)
    to_draw = configurations(plan)
    best = list(to_draw.draw(0, (), False))[:3]
    drawn = list(to_draw.draw(1, best, by_steps))

    def shared(values: dict[str, Any], other: dict[str, Any]) -> float:
        return statistics.fmean(values.get(name) == value for name, value in other.items())

    near = [shared(values, best[index % 3]) for index, values in enumerate(drawn) if index % 2]
    others = [shared(values, best[index % 3]) for index, values in enumerate(drawn) if not index % 2]
    assert statistics.fmean(near) > 0.45 > 0.35 > statistics.fmean(others)
    for values in drawn:
        assert drawable(plan.space, values, plan.spec.set) == values, "conditions and bounds hold"
