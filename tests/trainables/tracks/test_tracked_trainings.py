"""Real detectors, tracked while they train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainables.recipe import Epoch
from trainables.registry import find
from trainables.samples.coco_digits import write_coco
from trainables.samples.thermal_pairs import write_rgbt
from trainables.standalone import open_checkpoint

pytestmark = pytest.mark.e2e
METRICS = {"idsw", "mota", "idf1", "hota"}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coco(tmp_path_factory.mktemp("digits"), train=16, val=4, size=64, sequences=1)


def trained(data: Path, folder: Path, **declaration: Any) -> list[Epoch]:
    folder.mkdir()
    recipe = find("yolox", declaration)
    settings = recipe.settings("tiny", {"epochs": 2, "input_size": [64, 64]})
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
    opened = open_checkpoint(tmp_path / "tracked" / "epoch-2", digits, None, None, {})
    scores = opened.score_tracks(digits / "sequences", ["bytetrack"])
    last = tracked[-1].metrics
    assert scores == {"bytetrack": {name: last[f"{name}/bytetrack"] for name in scores["bytetrack"]}}


def test_pairs_of_pictures_are_tracked_too(tmp_path: Path) -> None:
    pytest.importorskip("trackeval")
    data = write_rgbt(tmp_path / "pairs", train=8, val=4, size=64, sequences=1)
    recipe = find("rgbt", {"tracks": {"trackers": ["bytetrack"]}})
    settings = recipe.settings("tiny", {"epochs": 1, "image_size": 64})
    (epoch,) = recipe.train(settings, recipe.open(data), tmp_path)
    assert epoch.metrics.keys() > METRICS
