"""A detector's recipe whose checkpoints are tracked while it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.fakes import Curves
from trainables.errors import SettingsError
from trainables.recipe import Epoch, Predictor, Recipe
from trainables.registry import find
from trainables.tracks.sequence import Sequences
from trainables.vision.findings import Findings

HERE = f"{__name__}:"


@dataclass(frozen=True)
class Meadow:
    names: tuple[str, ...]
    findings: Findings
    sequences: Sequences | None = None


class Watching(Curves):
    """Finds both cows of the fixture `walk`, the second one only from epoch 2 on."""

    name = "watching"

    def open(self, path: Path) -> Meadow:
        return Meadow(("cow", "pig"), Findings())

    def frame_input(self, picture: Path) -> Path:
        return picture

    def predictor(self, settings: Any, checkpoint: Path) -> Predictor:
        late = '"epoch": 1' not in (checkpoint / "state.json").read_text()

        def predict(pictures: Sequence[Any]) -> list[dict[str, Any]]:
            answers = []
            for picture in pictures:
                number = int(picture.stem)
                boxes = [[4.0 * number, 10, 4 * number + 12, 30], [50.0 - 4 * number, 8, 62 - 4 * number, 28]][
                    : 1 + late
                ]
                scores, labels = np.array([0.9, 0.8])[: 1 + late], ["cow", "pig"][: 1 + late]
                answers.append({"boxes": np.array(boxes), "scores": scores, "labels": labels})
            return answers

        return predict


class EachAnew:
    """A tracker of one's own: every box is a new object."""

    def __init__(self, rate: float, first: int = 1) -> None:
        assert rate == 10
        self.next = first

    def follow(self, answer: Mapping[str, Any], pixels: NDArray[np.uint8]) -> Mapping[str, Any]:
        assert pixels.shape == (48, 64, 3)
        numbers = list(range(self.next, self.next + len(answer["boxes"])))
        self.next += len(numbers)
        return {**answer, "tracks": numbers}


class Silent:
    def __init__(self, rate: float) -> None:
        pass

    def follow(self, answer: Mapping[str, Any], pixels: NDArray[np.uint8]) -> Mapping[str, Any]:
        return {"boxes": answer["boxes"], "labels": answer["labels"]}


def epochs(recipe: Recipe[Any, Any], walk: Path) -> Iterator[Epoch]:
    settings = recipe.settings("short", {})
    data = recipe.open(walk.parent.parent)
    return recipe.train(settings, data, walk.parent.parent)


def watching(**fields: Any) -> Recipe[Any, Any]:
    return find(f"{HERE}Watching", fields)


def test_the_metrics_of_both_trackers_stand_beside_the_recipes_own(walk: Path) -> None:
    pytest.importorskip("trackeval")
    pytest.importorskip("lap")
    first, second = (dict(epoch.metrics) for epoch in islice(epochs(watching(tracks=True), walk), 2))
    names = {"idsw", "mota", "idf1", "hota"}
    assert set(second) == {"score", "error", *names, *(f"{name}/bytetrack" for name in names)}
    assert first["mota"] == pytest.approx(1 - 3 / 6), "one of two cows is found"
    assert (second["idsw"], second["mota"], second["idf1"], second["hota"]) == pytest.approx((0, 1, 1, 1), abs=0.02)


def test_a_tracker_of_ones_own_is_named_by_its_place(walk: Path) -> None:
    pytest.importorskip("trackeval")
    tracks = {"trackers": [f"{HERE}EachAnew"], "settings": {f"{HERE}EachAnew": {"first": 7}}}
    second = list(epochs(watching(tracks=tracks), walk))[1].metrics
    assert second["idsw"] == 4, "two objects, two changes of frames"
    assert second["mota"] == pytest.approx(1 - 4 / 6)


def test_tracking_may_be_seldom_but_is_never_left_out_at_the_end(walk: Path) -> None:
    pytest.importorskip("trackeval")
    tracks = {"trackers": [f"{HERE}EachAnew"], "every": 3}
    trained = list(epochs(watching(tracks=tracks, metric="idf1"), walk))
    assert [epoch.epoch for epoch in trained if "idf1" in epoch.metrics] == [3, 4]
    assert all("score" in epoch.metrics for epoch in trained)
    assert all(("tracks" in epoch.seconds) == ("idf1" in epoch.metrics) for epoch in trained)


def test_a_metric_of_tracks_is_optimised_with_its_own_mode_and_bounds() -> None:
    recipe = watching(tracks={}, metric="idsw")
    assert (recipe.metric, recipe.mode, recipe.metric_bounds({})) == ("idsw", "min", None)
    assert "a detector that finds nothing has no ID switches" in recipe.notes[-1]
    recipe = watching(tracks={}, metric="hota/bytetrack")
    assert recipe.notes == ()
    assert (recipe.metric, recipe.mode, recipe.metric_bounds({})) == ("hota/bytetrack", "max", (0.0, 1.0))
    assert watching(tracks={}).metric == "score"


def test_a_sum_of_metrics_may_hold_those_of_tracks(walk: Path) -> None:
    pytest.importorskip("trackeval")
    total = {"name": "both", "mode": "max", "sum": {"score": 1.0, "idf1": 0.5}}
    tracks = {"trackers": [f"{HERE}EachAnew"]}
    metrics = next(iter(epochs(watching(tracks=tracks, metric=total), walk))).metrics
    assert metrics["both"] == pytest.approx(metrics["score"] + 0.5 * metrics["idf1"])


def test_without_tracks_no_metric_of_theirs_can_be_optimised() -> None:
    with pytest.raises(SettingsError, match=r"metric is 'idsw', .*; add `tracks: true`"):
        watching(metric="idsw")


@pytest.mark.parametrize(
    ("tracks", "sentence"),
    [
        (
            {"trackers": ["deepsort"]},
            r"trackers: unknown tracker 'deepsort'; valid: botsort, bytetrack, or module:Class",
        ),
        ({"trackers": ["nowhere:Tracker"]}, r"tracker 'nowhere:Tracker': nowhere cannot be imported"),
        ({"trackers": [f"{HERE}Meadow"]}, r"it must be a class with a method follow\(answer, pixels\)"),
        ({"trackers": [f"{HERE}Silent"]}, r"follow returned no 'tracks'; it returns boxes, labels, tracks"),
        (
            {"trackers": [f"{HERE}Silent"], "settings": {f"{HERE}Silent": {"first": 1}}},
            r"cannot be called with rate and its settings: .*'first'",
        ),
        (
            {"settings": {"botsort": {"track_bufer": 3}}},
            r"tracker botsort: unknown setting 'track_bufer'; did you mean",
        ),
        ({"settings": {"botsort": {"track_buffer": "long"}}}, r"track_buffer is 'long'; it must be a whole number"),
        ({"settings": {"sort": {}}}, r"tracks.settings names 'sort', which is none of trackers: botsort, bytetrack"),
        ({"trackers": ["botsort", "botsort"]}, r"trackers.* must name each tracker once"),
        ({"every": 0}, r"every.* must be at least 1"),
    ],
)
def test_a_wrong_tracker_is_told_in_one_sentence(walk: Path, tracks: dict[str, Any], sentence: str) -> None:
    pytest.importorskip("lap")
    with pytest.raises(SettingsError, match=sentence):
        list(epochs(watching(tracks=tracks), walk))


@pytest.mark.parametrize("name", ["slowfast", "refdet", "tests.support.fakes:Curves"])
def test_a_recipe_that_finds_no_boxes_in_pictures_is_not_tracked(name: str) -> None:
    with pytest.raises(SettingsError, match=r"tracks is not for recipe .*, which finds no boxes in single pictures"):
        find(name, {"tracks": {}})


@pytest.mark.parametrize("name", ["yolox", "resnet_yolo", "rgbt", "ultralytics"])
def test_each_detector_can_be_tracked(name: str) -> None:
    assert find(name, {"tracks": {}, "metric": "idf1"}).mode == "max"


def test_a_frame_of_a_pair_needs_its_thermal_picture(walk: Path) -> None:
    from trainables.errors import DataError
    from trainables.rgbt.recipe import Rgbt
    from trainables.tracks.tracked import open_tracks

    with pytest.raises(
        DataError, match=r"000001.png: has no thermal picture of its name in .*walk \(thermal, infrared"
    ):
        open_tracks(Rgbt(), walk, ("cow", "pig"))
    (walk / "infrared").mkdir()
    for file in (walk / "img1").iterdir():
        (walk / "infrared" / f"{file.stem}.png").write_bytes(file.read_bytes())
    frames = open_tracks(Rgbt(), walk, ("cow", "pig")).members[0].frames
    assert len(frames) == 3
    assert Rgbt().frame_input(frames[0].picture) == (frames[0].picture, walk / "infrared" / "000001.png")
