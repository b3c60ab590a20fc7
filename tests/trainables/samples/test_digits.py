"""The sample data set: the same every time, whole or not there, training and validation apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainables.errors import DataError
from trainables.resnet_yolo.data import YoloData, open_yolo
from trainables.samples.digits import scenes, write_yolo


def test_its_pictures_hold_one_to_three_objects_inside_them(digits: YoloData) -> None:
    assert digits.names == ("3", "7")
    for sample in digits.train.samples:
        assert 1 <= len(sample.labels) <= 3
        _, cx, cy, w, h = sample.labels.T
        assert min((cx - w / 2).min(), (cy - h / 2).min()) > -1e-5
        assert max((cx + w / 2).max(), (cy + h / 2).max()) < 1 + 1e-5


def test_both_classes_are_common(digits: YoloData) -> None:
    kinds = np.concatenate([sample.labels[:, 0] for sample in digits.train.samples])
    assert 0.3 < kinds.mean() < 0.7


def test_a_seed_always_draws_the_same(tmp_path: Path) -> None:
    first, again, other = (
        open_yolo(write_yolo(tmp_path / name, train=4, val=2, size=64, seed=seed)).fingerprint
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again != other


def test_training_and_validation_are_drawn_apart() -> None:
    train, val = (scenes(split, 3, digits=(3, 7), size=64, seed=0) for split in ("train", "val"))
    assert not any(np.array_equal(train_scene.pixels, val_scene.pixels) for train_scene in train for val_scene in val)


def test_one_that_is_there_is_left_alone(tmp_path: Path) -> None:
    described = write_yolo(tmp_path / "digits", train=2, val=2, size=64)
    stamp = described.stat().st_mtime_ns
    assert write_yolo(tmp_path / "digits", train=2, val=2, size=64).stat().st_mtime_ns == stamp
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]


def test_another_folder_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(DataError, match=r"not empty and holds no data\.yaml"):
        write_yolo(tmp_path)


def test_one_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_yolo(tmp_path / "digits", train=1, val=1, size=64)
    assert list(tmp_path.iterdir()) == []
