"""Each recipe's checkpoints have an average, which loads, evaluates and predicts as any other checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables import checkpoint, registry, standalone
from trainables.ensemble import ensemble
from trainables.held_out import held_out
from trainables.identity import identity
from trainables.loop import SETTINGS, STATE, read
from trainables.loop_recipe import LoopedRecipe, settings_digest
from trainables.objective import reported_as
from trainables.settings import to_yaml

pytestmark = pytest.mark.e2e  # builds each recipe's networks, and evaluates them

SMALL: dict[str, dict[str, Any]] = {"refdet": {"n_episodes": 4}}


def begun(recipe: LoopedRecipe[Any, Any], data: Any, seed: int, folder: Path) -> Path:
    """A checkpoint of a training that has not begun: random weights, if the recipe has no others."""
    settings = recipe.settings("tiny", {"seed": seed})
    folder.mkdir(parents=True)
    training = recipe.training(settings, data, folder)
    name = identity(recipe.name, settings_digest(settings), data.fingerprint)

    def save(directory: Path) -> None:
        torch.save({"epoch": 1, "identity": name, "training": training.state()}, directory / STATE)
        (directory / SETTINGS).write_text(to_yaml(settings))

    return checkpoint.write(folder, 1, save)


@pytest.mark.parametrize("name", [name for name in registry.BUILT_IN if name != "ultralytics"])
def test_an_average_is_a_checkpoint_like_any_other(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    assert isinstance(recipe, LoopedRecipe)
    path = recipe.sample(tmp_path / "sample")
    data = recipe.open(path)
    members = [begun(recipe, data, seed, tmp_path / str(seed)) for seed in (1, 2)]
    settings = recipe.settings("tiny", {"seed": 1})
    average = checkpoint.write(tmp_path / "average", 1, lambda directory: recipe.average(settings, members, directory))

    part = "ema" if "ema" in read(average)["training"] else "model"
    first, second, mean = (read(directory)["training"][part] for directory in (*members, average))
    differ = [key for key, value in mean.items() if value.is_floating_point() and not torch.equal(value, first[key])]
    assert differ, "two seeds begin with different weights"
    for key in differ:
        assert torch.allclose(mean[key], (first[key] + second[key]) / 2, rtol=1e-5, atol=1e-7), key

    values = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in standalone.evaluate(average, path, None, None, {})
    }
    assert values
    assert all(math.isfinite(value) for value in values.values())
    metrics = [metric for metric in values if metric.partition("/")[0] not in ("val", "confusion")]
    assert [metric for metric in metrics if reported_as(metric, recipe.reports) is None] == []
    example = held_out(recipe, settings, data)[0].given()
    predictors = [recipe.predictor(settings, directory) for directory in (*members, average)]
    for predict in (*predictors, ensemble(predictors)):
        (answer,) = predict([example])
        assert "scores" in answer
