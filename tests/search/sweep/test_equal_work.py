"""No search compares trials whose epochs are of unequal work: budgets and rungs count epochs."""

from __future__ import annotations

from typing import Any

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec
from spaces import registry as spaces
from spaces.space import ranges
from trainables import registry as recipes
from trainables.errors import SettingsError

PASSES = {
    "resnet_yolo": "each training image once",
    "rgbt": "each training pair once",
    "yolox": "each training image once",
    "slowfast": "as many clips as there are",
    "ultralytics": "each training image once",
}
"""An epoch of these recipes is that, whatever their settings."""
WORK = {"refdet": {"n_way", "n_query", "n_episodes", "curriculum", "triplet_batch_size"}}
"""What decides how many frames an epoch of the others trains on."""
EVERYWHERE = {"epochs", "image_size", "input_size", "frames", "reference_size", "n_reference"}
"""What decides how much is done in all, or for one image."""


@pytest.mark.parametrize("name", sorted(set(recipes.names()) - {"command"}))  # its epochs are the user's
def test_nothing_that_makes_an_epoch_longer_is_searched_unless_asked_for(name: str) -> None:
    assert name in PASSES.keys() | WORK.keys(), "say what an epoch of the recipe is"
    searched = ranges(spaces.find(recipes.find(name)))
    assert not searched.keys() & (WORK.get(name, set()) | EVERYWHERE)


def refdet(**choices: Any) -> SweepSpec:
    return SweepSpec(name="equal", recipe="refdet", preset="tiny", data="", set=choices)


def test_what_is_asked_for_is_searched() -> None:
    plan = make_plan(refdet(n_episodes=[10, 20], n_query={"low": 1, "high": 4}), training=False)
    assert str(plan.ranges["n_episodes"]) == "10 | 20"
    assert str(plan.ranges["n_query"]) == "1 … 4"
    assert "n_way" not in plan.ranges


def test_what_is_never_searched_is_refused_as_before() -> None:
    with pytest.raises(SettingsError, match="epochs is not searched; pin one value"):
        make_plan(refdet(epochs=[10, 20]), training=False)
