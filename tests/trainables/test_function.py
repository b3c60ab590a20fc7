from __future__ import annotations

import math
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from trainables import registry
from trainables.errors import CheckpointError, SettingsError
from trainables.function import FunctionRecipe, recipe

LR = {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}


@recipe(metric="accuracy", epochs=3, lr=LR, optimizer={"choices": ["sgd", "adam"], "default": "sgd"})
def plain(settings: dict[str, Any]) -> Generator[dict[str, float], None, None]:
    """Rises to its learning rate."""
    for epoch in range(settings["epochs"]):
        yield {"accuracy": settings["lr"] * epoch, "train_loss": 1 / (epoch + 1), "recall": 0.5}


@recipe(metric="loss", mode="min", epochs=4, lr=LR)
def resumable(
    settings: dict[str, Any], resume: Path | None, data: str
) -> Generator[tuple[dict[str, float], Any], None, None]:
    state = float((resume / "state").read_text()) if resume else 1.0
    while True:
        state *= 1 - settings["lr"]

        def save(folder: Path, state: float = state) -> None:
            (folder / "state").write_text(str(state))

        yield {"loss": state}, save


def train(kind: type[FunctionRecipe], folder: Path, resume: Path | None = None, **values: Any) -> list[Any]:
    recipe = kind()
    return list(recipe.train(recipe.settings("declared", values), recipe.open(folder), folder, resume))


def test_a_function_is_a_recipe_with_its_defaults_as_baseline(tmp_path: Path) -> None:
    sys.modules.setdefault(__name__, sys.modules[plain.__module__])
    chosen = registry.find(f"{__name__}:plain")
    assert (chosen.metric, chosen.mode, chosen.resumes, chosen.needs_data) == ("accuracy", "max", False, False)
    assert chosen.summary == "Rises to its learning rate."
    epochs = train(plain, tmp_path)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert epochs[1].metrics == {"accuracy": 0.01, "recall": 0.5}
    assert epochs[1].losses == {"train": 0.5}
    assert not epochs[0].saves


def test_its_parameters_are_the_space_of_a_sweep_without_data() -> None:
    spec = read_spec({"name": "a", "recipe": f"{__name__}:plain"}, "test")
    plan = make_plan(spec)
    assert {name: str(span) for name, span in plan.ranges.items()} == {
        "lr": "0.0001 … 1 (log)",
        "optimizer": "sgd | adam",
    }
    assert (plan.spec.scheduler, plan.spec.preset, plan.max_epochs) == ("stopping", "declared", 3)
    with pytest.raises(SettingsError, match="test: data is missing: data is the data set"):
        read_spec({"name": "a", "recipe": f"{__name__}:resumable"}, "test")


def test_one_that_takes_a_checkpoint_goes_on_after_its_epoch(tmp_path: Path) -> None:
    whole = []
    recipe = resumable()
    for epoch in recipe.train(recipe.settings("declared", {}), recipe.open(tmp_path), tmp_path):
        whole.append(epoch)
        if epoch.epoch == 2:
            epoch.save(tmp_path)
    rest = train(resumable, tmp_path, resume=tmp_path)
    assert [(epoch.epoch, epoch.metrics["loss"]) for epoch in rest] == [
        (epoch.epoch, epoch.metrics["loss"]) for epoch in whole[2:]
    ]
    (tmp_path / "state.epoch").write_text("two")
    with pytest.raises(CheckpointError, match=r"state\.epoch: is missing or damaged"):
        train(resumable, tmp_path, resume=tmp_path)


@pytest.mark.parametrize(
    ("yielded", "words"),
    [
        ({"accuracy": "high"}, "accuracy is 'high' after epoch 1; it must be a number"),
        ({"recall": 0.5}, "yielded recall after epoch 1, and no accuracy, which is the metric"),
        (0.5, "yielded a float after epoch 1; it must yield a dictionary"),
    ],
)
def test_what_a_function_yields_is_checked(yielded: Any, words: str, tmp_path: Path) -> None:
    @recipe(metric="accuracy", epochs=1)
    def wrong(settings: dict[str, Any]) -> Generator[Any, None, None]:
        yield yielded

    with pytest.raises(SettingsError, match=words):
        train(wrong, tmp_path)


def test_a_function_that_cannot_be_a_recipe_is_refused() -> None:
    with pytest.raises(SettingsError, match="recipe once: is no generator function; it must yield"):

        @recipe(metric="accuracy", epochs=1)
        def once(settings: Any) -> Any:
            return {"accuracy": 1.0}

    with pytest.raises(SettingsError, match="recipe other: takes config; it must take settings"):

        @recipe(metric="accuracy", epochs=1)
        def other(config: Any) -> Generator[Any, None, None]:
            yield {"accuracy": 1.0}

    for name, value in {"lr": 1e-3, "epoch": 3, "direction": "maximize"}.items():
        with pytest.raises(SettingsError, match=rf"recipe: {name} is {value!r}; .*a parameter is a mapping such as"):
            recipe(metric="accuracy", epochs=1, **{name: value})  # type: ignore[arg-type]

    with pytest.raises(SettingsError, match="recipe: lr: default is missing"):
        recipe(metric="accuracy", epochs=1, lr={"low": 0.1, "high": 1.0})


def test_its_metric_may_have_bounds_which_no_projection_passes() -> None:
    bounded = recipe(metric="accuracy", epochs=3, bounds=(0.0, 1.0), lr=LR)(plain.function)()
    assert bounded.metric_bounds({}) == (0.0, 1.0)
    assert plain().metric_bounds({}) is None


@pytest.mark.parametrize("bounds", [(0.0, math.inf), (-math.inf, 1.0), (1.0, 0.0), (0.0, math.nan)])
def test_bounds_beside_which_no_projections_compare_are_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(SettingsError, match=r"recipe: setting 'bounds' is .*; it must be the lowest .*, two finite"):
        recipe(metric="accuracy", epochs=3, bounds=bounds)
