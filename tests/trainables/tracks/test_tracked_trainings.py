"""Real detectors, tracked while they train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.recipe import Epoch
from trainables.registry import find
from trainables.samples.coco_digits import write_coco
from trainables.samples.thermal_pairs import write_rgbt
from trainables.standalone import open_checkpoint

pytestmark = pytest.mark.e2e
SHORT: dict[str, Any] = {"epochs": 2, "input_size": [64, 64], "score_threshold": 1e-6}
MOST = 3
"""Boxes of a picture that are compared: the surest, whose order is sure."""
METRICS = {"idsw", "mota", "idf1", "hota"}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coco(tmp_path_factory.mktemp("digits"), train=16, val=4, size=64, sequences=1)


def trained(data: Path, folder: Path, **declaration: Any) -> list[Epoch]:
    folder.mkdir()
    recipe = find("yolox", declaration)
    settings = recipe.settings("tiny", SHORT)
    epochs = []
    for epoch in recipe.train(settings, recipe.open(data), folder):
        epochs.append(epoch)
        (folder / f"epoch-{epoch.epoch}").mkdir()
        epoch.save(folder / f"epoch-{epoch.epoch}")
    return epochs


def test_a_training_is_the_same_with_and_without_tracks(digits: Path, tmp_path: Path) -> None:
    pytest.importorskip("trackeval")
    pytest.importorskip("yolox")
    plain = trained(digits, tmp_path / "plain")
    tracked = trained(digits, tmp_path / "tracked", tracks=True, metric="hota")
    assert [epoch.losses for epoch in tracked] == [epoch.losses for epoch in plain]
    for with_tracks, without in zip(tracked, plain, strict=True):
        beside = {name: value for name, value in with_tracks.metrics.items() if name.split("/")[0] not in METRICS}
        assert beside == without.metrics
        assert with_tracks.metrics.keys() > METRICS
    frames = sorted(digits.glob("sequences/*/img1/*.png"))[:5]
    recipe, settings = find("yolox"), find("yolox").settings("tiny", SHORT)
    loads = (recipe.frame_predictor, recipe.predictor)
    assert_alike(*(load(settings, tmp_path / "tracked" / "epoch-2")(frames) for load in loads))
    opened = open_checkpoint(tmp_path / "tracked" / "epoch-2", digits, None, None, {})
    scores = opened.score_tracks(digits / "sequences", ["bytetrack"])
    last = tracked[-1].metrics
    assert scores == {"bytetrack": {name: last[f"{name}/bytetrack"] for name in scores["bytetrack"]}}


def assert_alike(answers: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    for answer, other in zip(answers, others, strict=True):
        assert len(answer["boxes"]) > 0
        assert list(answer["labels"][:MOST]) == list(other["labels"][:MOST])
        np.testing.assert_allclose(answer["boxes"][:MOST], other["boxes"][:MOST], atol=0.02)
        np.testing.assert_allclose(answer["scores"][:MOST], other["scores"][:MOST], atol=1e-4)


def test_pairs_of_pictures_are_tracked_too(tmp_path: Path) -> None:
    pytest.importorskip("trackeval")
    data = write_rgbt(tmp_path / "pairs", train=8, val=4, size=64, sequences=1)
    recipe = find("rgbt", {"tracks": {"trackers": ["bytetrack"]}})
    settings = recipe.settings("tiny", {"epochs": 1, "image_size": 64})
    (epoch,) = recipe.train(settings, recipe.open(data), tmp_path)
    assert epoch.metrics.keys() > METRICS
    (tmp_path / "checkpoint").mkdir()
    epoch.save(tmp_path / "checkpoint")
    frames = [recipe.frame_input(file) for file in sorted(tmp_path.glob("pairs/sequences/*/img1/*.png"))[:5]]  # type: ignore[attr-defined]
    predictors = (load(settings, tmp_path / "checkpoint") for load in (recipe.frame_predictor, recipe.predictor))
    assert_alike(*(predict(frames) for predict in predictors))
