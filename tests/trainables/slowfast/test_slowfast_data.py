"""What the loader of thermal clips accepts, what it refuses and in which words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trainables.errors import DataError
from trainables.samples.thermal_clips import write_thermal
from trainables.slowfast import recording
from trainables.slowfast.data import open_thermal


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three clips to train on and two held out, of 4 frames of 3 by 5 pixels."""
    (tmp_path / "annotations").mkdir()
    mapping(tmp_path, {"standing": 1, "sitting": 0})
    for split, count, warm in (("train", 3, 20.0), ("val", 2, 30.0)):
        frames = np.arange(count * 60, dtype=np.float32).reshape(count, 4, 3, 5) / 100 + warm
        save(tmp_path, split, frames, np.arange(count) % 2)
    return tmp_path


def mapping(root: Path, content: Any) -> None:
    (root / "annotations/class_mapping.json").write_text(content if isinstance(content, str) else json.dumps(content))


def save(root: Path, split: str, frames: Any = None, labels: Any = None) -> None:
    with h5py.File(root / f"{split}.h5", "w") as file:
        for name, values in (("frames", frames), ("labels", labels)):
            if values is not None:
                file.create_dataset(name, data=values)


def frames(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        with h5py.File(root / "train.h5") as file:
            given, labels = file["frames"][:], file["labels"][:]
        save(root, "train", change(given), labels)

    return spoil


def labels(values: Any) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        with h5py.File(root / "train.h5") as file:
            given = file["frames"][:]
        save(root, "train", given, np.array(values))

    return spoil


def value(number: float) -> Callable[[Any], Any]:
    def change(given: Any) -> Any:
        given[1, 0, 0, 0] = number
        return given

    return change


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no mapping": (
        lambda root: (root / "annotations/class_mapping.json").unlink(),
        r"class_mapping\.json: no such file",
    ),
    "broken mapping": (lambda root: mapping(root, '{"a": 0,\n}'), r"class_mapping\.json line 2: not valid JSON"),
    "mapping a list": (lambda root: mapping(root, ["a"]), r"must map each class name to its number"),
    "mapping with a gap": (lambda root: mapping(root, {"a": 0, "b": 2}), r"the numbers are \[0, 2\]"),
    "a class twice": (
        lambda root: mapping(root, '{"a": 0, "b": 1, "a": 1}'),
        r"class_mapping\.json: key 'a' is given twice in one object; it must map",
    ),
    "a number that is none": (lambda root: mapping(root, '{"a": 0, "b": NaN}'), r"the numbers are \[0, nan\]"),
    "number a word": (lambda root: mapping(root, {"a": "0"}), r"the numbers are \['0'\]"),
    "no file": (lambda root: (root / "val.h5").unlink(), r"val\.h5: no such file"),
    "no HDF5": (lambda root: (root / "train.h5").write_text("hello"), r"train\.h5: cannot be read as HDF5"),
    "no frames": (lambda root: save(root, "train", labels=np.zeros(3, int)), r"data set 'frames' is missing"),
    "no labels": (lambda root: save(root, "train", frames=np.zeros((3, 4, 3, 5), "f4")), r"'labels' is missing"),
    "one clip alone": (frames(lambda given: given[0]), r"frames has the shape \(4, 3, 5\)"),
    "no clip": (frames(lambda given: given[:0]), r"frames has the shape \(0, 4, 3, 5\)"),
    "whole numbers": (
        frames(lambda given: given.astype("i2")),
        r"frames is int16; it must be floating-point, in Celsius: whole numbers may",
    ),
    "not a number": (frames(value(np.nan)), r"train\.h5: clip 1 holds a value that is not finite"),
    "infinite": (frames(value(np.inf)), r"train\.h5: clip 1 holds a value that is not finite"),
    "Kelvin": (frames(lambda given: given + 273.15), r"clip 0 goes from 293\.15 to .* must be in Celsius"),
    "fewer labels": (labels([0, 1]), r"has 3 clips but 2 labels"),
    "labels of two columns": (labels([[0, 1], [1, 0], [0, 1]]), r"labels is int64 of shape \(3, 2\)"),
    "labels between classes": (labels([0.0, 0.5, 0.0]), r"labels is float64"),
    "unknown class": (labels([0, 2, 0]), r"the label of clip 1 is 2; it must be 0 to 1"),
    "class below 0": (labels([0, -1, 0]), r"the label of clip 1 is -1"),
    "other sizes": (frames(lambda given: given[:, :, :2]), r"val\.h5: its clips are \(4, 3, 5\)"),
    "a clip in both": (
        lambda root: shutil.copy(root / "train.h5", root / "val.h5"),
        r"val\.h5: clip 0 is the same as clip 0 of .*train\.h5",
    ),
}


WRONG |= {
    "planes that differ": (
        frames(lambda given: np.stack([given, given + 1, given], axis=1)),
        r"the 3 planes of frames differ; a thermal clip has one",
    ),
    "two planes": (frames(lambda given: np.stack([given] * 2, axis=1)), r"frames has the shape \(3, 2, 4, 3, 5\)"),
    "planes or height": (
        frames(lambda given: np.stack([given] * 3, axis=4)),
        r"frames has the shape \(3, 4, 3, 5, 3\)",
    ),
}


def written(root: Path, change: Callable[[Any], Any], labels_type: str = "i8", **options: Any) -> None:
    """Both files with their frames changed, and stored with h5py's `options`."""
    for split in ("train", "val"):
        with h5py.File(root / f"{split}.h5") as file:
            given, classes = file["frames"][:], file["labels"][:]
        with h5py.File(root / f"{split}.h5", "w") as file:
            file.create_dataset("frames", data=change(given), **options)
            file.create_dataset("labels", data=classes.astype(labels_type))


ACCEPTED: dict[str, Callable[[Path], None]] = {
    "planes last": lambda root: written(root, lambda given: given[..., None]),
    "planes before the frames": lambda root: written(root, lambda given: given[:, None]),
    "planes of each frame": lambda root: written(root, lambda given: given[:, :, None]),
    "three equal planes": lambda root: written(root, lambda given: np.stack([given] * 3, axis=1)),
    "double precision": lambda root: written(root, lambda given: given.astype("f8")),
    "big-endian": lambda root: written(root, lambda given: given.astype(">f4")),
    "chunked": lambda root: written(root, lambda given: given, chunks=(1, 2, 3, 5)),
    "compressed": lambda root: written(root, lambda given: given, compression="gzip", shuffle=True),
    "labels of MATLAB": lambda root: written(root, lambda given: given, labels_type="f8"),
    "labels of bytes": lambda root: written(root, lambda given: given, labels_type="u1"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_files_of_other_shapes_and_types_are_the_same_data(case: str, root: Path) -> None:
    """As PyTorch has clips (N, C, T, H, W), Keras (N, T, H, W, C), and as MATLAB's -v7.3 files are: doubles."""
    before = open_thermal(root)
    ACCEPTED[case](root)
    after = open_thermal(root)
    assert after.fingerprint == before.fingerprint
    assert after.train.frames.dtype == np.float32
    assert np.array_equal(after.train.frames, before.train.frames)


def test_half_precision_is_read_as_it_was_rounded(root: Path) -> None:
    before = open_thermal(root).train.frames
    written(root, lambda given: given.astype("f2"))
    assert np.array_equal(open_thermal(root).train.frames, before.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str, root: Path) -> None:
    spoil, complaint = WRONG[case]
    spoil(root)
    with pytest.raises(DataError, match=complaint):
        open_thermal(root)


def test_a_recording_in_whole_numbers_is_refused_as_a_training_refuses_it(tmp_path: Path) -> None:
    """They may be grey levels or hundredths of a kelvin: the network would answer all the same."""
    with h5py.File(tmp_path / "walk.h5", "w") as file:
        file["frames"] = np.full((8, 6, 9), 30, dtype=np.uint8)
    with pytest.raises(DataError, match=r"walk\.h5: frames is uint8; it must be floating-point, in Celsius"):
        recording.read_clips(tmp_path / "walk.h5", 4)


def test_names_are_in_the_order_of_their_numbers(root: Path) -> None:
    data = open_thermal(root)
    assert data.names == ("sitting", "standing")
    assert data.train.frames.shape == (3, 4, 3, 5)
    assert data.train.labels.tolist() == [0, 1, 0]


def test_what_is_kept_cannot_be_changed_by_a_trial(root: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_thermal(root).train.frames[0] += np.float32(1)


def test_the_sample_is_as_lopsided_as_the_documents_data(tmp_path: Path) -> None:
    data = open_thermal(write_thermal(tmp_path / "clips", train=50, val=2))
    assert data.train.frames.shape == (50, 64, 40, 60)
    counts = np.bincount(data.train.labels, minlength=6)
    assert counts[0] / counts.sum() == pytest.approx(0.54)
    assert counts.min() >= 1
    assert (data.train.frames.mean() > 15) & (data.train.frames.mean() < 30)


def test_the_fingerprint_is_of_the_content_not_of_the_place(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(root, copy)
    before = open_thermal(root).fingerprint
    assert open_thermal(copy).fingerprint == before
    labels([0, 0, 0])(copy)
    assert open_thermal(copy).fingerprint != before
