"""Each recipe trains in 16 bits about as in 32, and resumes exactly there; run in bfloat16 and float16 on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables import precision, registry
from trainables.recipe import AnyRecipe, Epoch
from trainables.resnet_yolo.data import YoloData
from trainables.resnet_yolo.settings import ResnetYoloSettings

pytestmark = pytest.mark.e2e  # trains two epochs of each recipe, several times

SHORT: dict[str, dict[str, Any]] = {
    "resnet_yolo": {"warmup_epochs": 1},
    "yolox": {"no_aug_epochs": 1},
    "rgbt": {"close_mosaic": 1},
    "slowfast": {},
    "refdet": {"n_episodes": 6, "stage": 2},
}
NEAR = {"resnet_yolo": 0.02, "yolox": 0.02, "rgbt": 0.02, "slowfast": 0.02, "refdet": 0.06}
"""How far the first epoch's mean loss may be from float32's, as a share of it: at least three times what was seen."""


@pytest.fixture(scope="module", params=SHORT)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[AnyRecipe, Any]:
    recipe = registry.find(request.param)
    return recipe, recipe.open(recipe.sample(tmp_path_factory.mktemp("samples") / request.param))


def curve(recipe: AnyRecipe, data: Any, workdir: Path, resume: Path | None = None, **changes: Any) -> Iterator[Epoch]:
    return recipe.train(recipe.settings("tiny", {"epochs": 2} | SHORT[recipe.name] | changes), data, workdir, resume)


def results(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


def test_bfloat16_is_near_float32_and_resumes_exactly(opened: tuple[AnyRecipe, Any], tmp_path: Path) -> None:
    recipe, data = opened
    (usual,) = results(islice(curve(recipe, data, tmp_path), 1))
    epochs = curve(recipe, data, tmp_path, mixed_precision=True)
    first = next(epochs)
    first.save(tmp_path)
    whole = [{**first.losses, **first.metrics}, *results(epochs)]
    assert whole[0]["train"] != usual["train"]
    assert whole[0]["train"] == pytest.approx(usual["train"], rel=NEAR[recipe.name])
    assert results(curve(recipe, data, tmp_path, tmp_path, mixed_precision=True)) == whole[1:]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_three_epochs_and_three_resumed_are_six(
    dtype: torch.dtype,
    small: Callable[..., ResnetYoloSettings],
    few_digits: YoloData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "mixed_dtype", lambda device: dtype)
    settings = small(epochs=6, mixed_precision=True, mosaic=0.5, flip=0.5, dropout=0.2, accumulation=2)
    recipe = registry.find("resnet_yolo")
    epochs = recipe.train(settings, few_digits, tmp_path)
    third = list(islice(epochs, 3))[-1]
    third.save(tmp_path)
    scaler = torch.load(tmp_path / "state.pt", weights_only=True)["training"].get("scaler")
    if dtype == torch.float16:  # the first step may overflow and be left out
        assert scaler["_growth_tracker"] > 0
    else:
        assert scaler is None
    assert results(recipe.train(settings, few_digits, tmp_path, tmp_path)) == results(epochs)
