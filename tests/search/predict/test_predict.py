"""`steadytune predict`: what is read, what is written, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.predict.files import smoothed
from search.predict.model import LoadedModel, load
from search.predict.run import PredictionRequest, predict
from search.predict.sources import Extra, sources
from trainables.errors import SteadytuneError
from trainables.vision.video_file import VideoWriter, frames


def cows(pictures: Sequence[Any]) -> list[dict[str, Any]]:
    """A sure cow in the middle of each picture, and a calf that is not sure."""
    answer = {
        "boxes": np.array([[16, 8, 48, 24], [0, 0, 8, 8]], dtype=np.float32),
        "scores": np.array([0.9, 0.2], dtype=np.float32),
        "labels": ["cow", "calf"],
    }
    return [answer for _ in pictures]


def flickering(clips: Sequence[Any]) -> list[dict[str, Any]]:
    """Sitting, but for one clip in which it looks like a fall."""
    falls = [0.6 if clip.mean() > 30 else 0.1 for clip in clips]
    return [{"label": "", "scores": {"sit": 1 - fall, "fall": fall}} for fall in falls]


COWS = LoadedModel("resnet_yolo", cows)


def request(folder: Path, **values: Any) -> PredictionRequest:
    return PredictionRequest(folder / "out", **{"threshold": 0.25, "batch": 2, **values})


def test_a_folder_of_pictures_is_drawn_and_listed_in_both_forms(pictures: Path, tmp_path: Path) -> None:
    printed = list(predict(COWS, sources(pictures, "resnet_yolo", Extra()), request(tmp_path)))
    assert printed == ["pictures: 3 pictures, 3 objects", f"written: {tmp_path / 'out' / 'predictions.json'}"]
    coco = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["a.png", "b.png", "night/a.png"]
    assert coco["categories"] == [{"id": 1, "name": "cow"}], "the calf is below the threshold"
    assert coco["annotations"][0]["bbox"] == [16, 8, 32, 16]
    assert coco["annotations"][0]["score"] == pytest.approx(0.9)
    line = (tmp_path / "out" / "labels" / "night" / "a.txt").read_text()
    assert line == "0 0.500000 0.500000 0.500000 0.500000 0.90000\n"
    drawn = np.asarray(Image.open(tmp_path / "out" / "pictures" / "night" / "a.jpg"))
    assert np.abs(drawn.astype(int) - 128).max() > 60


def test_pages_that_the_model_does_not_see_are_told(pictures: Path, tmp_path: Path) -> None:
    pages = [Image.new("L", (64, 32), level) for level in (0, 128)]
    pages[0].save(pictures / "c.webp", save_all=True, append_images=pages[1:])
    told = (
        f"pictures: 1 of the 4 image files holds several pages or frames, of which only the first is used: save each "
        f"that counts as its own file ({pictures / 'c.webp'})"
    )
    for recipe in ("resnet_yolo", "ultralytics"):
        printed = list(predict(COWS, sources(pictures, recipe, Extra()), request(tmp_path)))
        assert printed[:-1] == ["pictures: 4 pictures, 4 objects", told]


def test_a_lower_threshold_keeps_more(pictures: Path, tmp_path: Path) -> None:
    printed = list(predict(COWS, sources(pictures / "a.png", "yolox", Extra()), request(tmp_path, threshold=0.1)))
    assert printed[0] == "a: 1 pictures, 2 objects"


def test_a_video_becomes_a_video(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "walk.mp4", 10.0)
    for _ in range(5):
        writer.add(np.full((32, 64, 3), 128, dtype=np.uint8))
    writer.close()
    printed = list(predict(COWS, sources(tmp_path / "walk.mp4", "resnet_yolo", Extra()), request(tmp_path)))
    assert printed[0] == "walk: 5 pictures, 5 objects"
    drawn = list(frames(tmp_path / "out" / "walk.mp4"))
    assert len(drawn) == 5
    assert drawn[0].shape == (32, 64, 3)
    assert np.abs(drawn[0].astype(int) - 128).max() > 60
    assert (tmp_path / "out" / "labels" / "walk.mp4_frame_4.txt").is_file()


def test_a_video_that_breaks_off_says_so(tmp_path: Path) -> None:
    import cv2

    random = np.random.default_rng(0)
    video = cv2.VideoWriter(str(tmp_path / "walk.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 32))
    for _ in range(20):
        video.write(random.integers(0, 255, (32, 64, 3), dtype=np.uint8))
    video.release()
    content = (tmp_path / "walk.avi").read_bytes()
    (tmp_path / "walk.avi").write_bytes(content[: len(content) // 2])
    printed = list(predict(COWS, sources(tmp_path / "walk.avi", "resnet_yolo", Extra()), request(tmp_path)))
    assert re.fullmatch(r"walk: \d+ pictures, \d+ objects", printed[0])
    assert re.fullmatch(
        r"walk: 1?\d of the 20 frames that its file states could be decoded; it may be damaged", printed[1]
    )


def crossing(pictures: Sequence[Any]) -> list[dict[str, Any]]:
    """Finds the bright square in the upper half of each frame and the weaker one in the lower half."""
    answers = []
    for picture in pictures:
        boxes, scores = [], []
        for value, top in ((250, 0), (160, 60)):
            where = np.argwhere(np.abs(picture[top : top + 60, :, 0].astype(int) - value) < 12)
            if len(where):
                (y1, x1), (y2, x2) = where.min(0), where.max(0)
                boxes.append([x1, top + y1, x2 + 1, top + y2 + 1])
                scores.append(value / 255)
        answer = {"boxes": np.array(boxes, dtype=np.float32), "scores": np.array(scores, dtype=np.float32)}
        answers.append(answer | {"labels": ["cow"] * len(boxes)})
    return answers


def test_objects_of_a_video_keep_their_numbers(tmp_path: Path) -> None:
    pytest.importorskip("lap")
    meadow = np.kron(np.random.default_rng(0).integers(0, 90, (15, 20)), np.ones((8, 8)))  # the camera stands
    writer = VideoWriter(tmp_path / "walk.mp4", 10.0)
    for at in range(12):
        frame = np.repeat(meadow[..., None], 3, axis=2).astype(np.uint8)
        frame[20:44, 4 + 8 * at : 28 + 8 * at] = 250
        if at != 5:  # hidden in one frame
            frame[70:94, 120 - 8 * at : 144 - 8 * at] = 160
        writer.add(frame)
    writer.close()
    model = LoadedModel("resnet_yolo", crossing)
    asked = request(tmp_path, tracks=True, threshold=0.5)
    printed = list(predict(model, sources(tmp_path / "walk.mp4", "resnet_yolo", Extra()), asked))
    assert printed[0] == "walk: 12 pictures, 23 objects on 2 tracks"
    coco = json.loads((tmp_path / "out" / "predictions.json").read_text())
    rows: dict[bool, set[int]] = {True: set(), False: set()}
    for annotation in coco["annotations"]:
        rows[annotation["bbox"][1] < 60].add(annotation["track_id"])
    assert sorted(map(len, rows.values())) == [1, 1], "each square has one number throughout"
    (upper,), (lower,) = rows[True], rows[False]
    assert upper != lower
    lines = (tmp_path / "out" / "labels" / "walk.mp4_frame_4.txt").read_text().splitlines()
    assert [int(line.split()[-1]) for line in lines] == [upper, lower]


def test_a_class_of_a_whole_clip_is_not_followed(tmp_path: Path) -> None:
    pytest.importorskip("lap")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "day.h5", "w") as file:
        file["frames"] = np.full((5, 4, 6, 6), 20, dtype=np.float32)
    model = LoadedModel("slowfast", flickering)
    with pytest.raises(SteadytuneError, match="--tracks follows boxes"):
        list(predict(model, sources(tmp_path / "day.h5", "slowfast", Extra()), request(tmp_path, tracks=True)))


def test_without_drawing_only_the_lists_are_written(pictures: Path, tmp_path: Path) -> None:
    list(predict(COWS, sources(pictures, "resnet_yolo", Extra()), request(tmp_path, draw=False)))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"classes.txt", "labels", "predictions.json"}


def test_clips_are_smoothed_over_time(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    clips = np.full((5, 4, 6, 6), 20, dtype=np.float32)
    clips[2] = 40
    with h5py.File(tmp_path / "day.h5", "w") as file:
        file["frames"] = clips
    model = LoadedModel("slowfast", flickering)
    alone = list(predict(model, sources(tmp_path / "day.h5", "slowfast", Extra()), request(tmp_path)))
    assert alone[0] == "day: 5 clips or pictures, 4 sit, 1 fall"
    together = list(predict(model, sources(tmp_path / "day.h5", "slowfast", Extra()), request(tmp_path, smooth=3)))
    assert together[0] == "day: 5 clips or pictures, 5 sit"
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert rows[2]["scores"] == pytest.approx({"sit": 1 - 0.8 / 3, "fall": 0.8 / 3}, abs=1e-5)


def test_at_the_ends_fewer_clips_are_averaged() -> None:
    assert smoothed([{"a": 0.0}, {"a": 0.5}, {"a": 1.0}], 3) == [{"a": 0.25}, {"a": 0.5}, {"a": 0.75}]


def test_the_current_folder_has_its_name(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pictures)
    printed = list(predict(COWS, sources(Path(), "resnet_yolo", Extra()), request(tmp_path)))
    assert printed[0] == "pictures: 3 pictures, 3 objects"


def test_a_wrong_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SteadytuneError, match=r"model is nothing; give a checkpoint such as epoch-0007, an export, or"):
        load("nothing", "")
    with pytest.raises(SteadytuneError, match=r"holds no state\.pt"):
        load(str(tmp_path), "")


@pytest.mark.e2e
def test_a_checkpoint_predicts(tmp_path: Path) -> None:
    from trainables import registry
    from trainables.samples.digits import write_yolo

    data = write_yolo(tmp_path / "digits", train=8, val=4, size=64)
    recipe = registry.find("resnet_yolo")
    settings = recipe.settings("tiny", {"epochs": 1, "image_size": 64, "widths": [8, 8, 16, 16], "neck_channels": 8})
    epoch = next(recipe.train(settings, recipe.open(data), tmp_path))
    (tmp_path / "epoch-0001").mkdir()
    epoch.save(tmp_path / "epoch-0001")
    model = load(str(tmp_path / "epoch-0001"), "")
    assert model.recipe == "resnet_yolo"
    folder = tmp_path / "digits" / "images" / "val"
    printed = list(predict(model, sources(folder, model.recipe, Extra()), request(tmp_path, threshold=0.0)))
    assert printed[0].startswith("val: 4 pictures, ")
    assert len(list((tmp_path / "out" / "pictures").iterdir())) == 4
