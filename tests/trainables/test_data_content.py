"""Each built-in recipe tells data apart by all that it trains on, and by nothing else.

Inputs as people report them: pictures replaced by others of the same name
(https://github.com/AlexeyAB/darknet/issues/2189), labels mended in place
(https://github.com/ultralytics/yolov5/issues/306), images added before a resume
(https://github.com/ultralytics/yolov5/issues/8216), classes renamed or in another order
(https://github.com/roboflow/roboflow-python/issues/100).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trainables import registry
from trainables.manifest import Manifest, changes
from trainables.samples.coco_digits import write_coco
from trainables.samples.digits import write_yolo
from trainables.samples.reference_videos import write_refdet
from trainables.samples.thermal_clips import write_thermal
from trainables.samples.thermal_pairs import write_rgbt

WRITERS: dict[str, Callable[[Path], Path]] = {
    "resnet_yolo": lambda folder: write_yolo(folder, train=3, val=2, size=64),
    "yolox": lambda folder: write_coco(folder, train=3, val=2, size=64),
    "rgbt": lambda folder: write_rgbt(folder, train=3, val=2, size=64),
    "refdet": lambda folder: write_refdet(folder, train=2, test=2, frames=3, size=64),
    "slowfast": lambda folder: write_thermal(folder, train=6, val=2),
}


class Opened:
    """A recipe's small data set in a folder, and its manifest."""

    def __init__(self, recipe: str, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.path = WRITERS[recipe](folder)

    def manifest(self, path: Path | None = None) -> Manifest:
        content: Manifest = registry.find(self.recipe).open(path or self.path).manifest
        return content

    def first(self, *patterns: str) -> Path:
        return next(file for pattern in patterns for file in sorted(self.folder.rglob(pattern)))

    def second(self, pattern: str) -> Path:
        return sorted(self.folder.rglob(pattern))[1]


@pytest.fixture(params=WRITERS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    return Opened(request.param, tmp_path / "data")


def test_a_moved_and_touched_copy_is_equal(opened: Opened, tmp_path: Path) -> None:
    before = opened.manifest()
    moved = tmp_path / "elsewhere" / "under another name"
    shutil.copytree(opened.folder, moved)
    shutil.rmtree(opened.folder)
    for file in moved.rglob("*.*"):
        os.utime(file, ns=(1, 1))
    assert opened.manifest(moved / opened.path.relative_to(opened.folder)).fingerprint == before.fingerprint


def test_a_linked_data_set_is_equal(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(opened.folder)
    linked = opened.manifest(tmp_path / "link" / opened.path.relative_to(opened.folder))
    assert linked.fingerprint == opened.manifest().fingerprint


def test_what_is_not_trained_on_does_not_count(opened: Opened) -> None:
    before = opened.manifest().fingerprint
    (opened.folder / "README.txt").write_text("more words")
    (opened.folder / "labels.cache").write_text("of another tool")
    assert opened.manifest().fingerprint == before


def test_content_that_was_swapped_is_noticed(opened: Opened) -> None:
    """Two pictures, two videos, or the two splits of clips: same names, same sum of sizes."""
    if opened.recipe == "slowfast":
        pytest.skip("its splits are of other sizes; see test_clips_that_changed_are_noticed")
    pattern = "drone_video.mp4" if opened.recipe == "refdet" else "*.png"
    before = opened.manifest()
    first, second = opened.first(pattern), opened.second(pattern)
    first_content, second_content = first.read_bytes(), second.read_bytes()
    assert first_content != second_content
    first.write_bytes(second_content)
    second.write_bytes(first_content)
    changed = changes(before, opened.manifest())
    assert len(changed.changed) == 2
    assert (changed.added, changed.removed, changed.renamed, changed.facts) == ((), (), (), ())


def test_clips_that_changed_are_noticed(tmp_path: Path) -> None:
    """HDF5 is changed in place: neither the file's size nor any other clip is another one."""
    import h5py

    opened = Opened("slowfast", tmp_path / "data")
    before, size = opened.manifest(), (opened.folder / "train.h5").stat().st_size
    with h5py.File(opened.folder / "train.h5", "r+") as file:
        file["frames"][2] += 0.5
    assert (opened.folder / "train.h5").stat().st_size == size
    assert changes(before, opened.manifest()).changed == ("train.h5 clip 2",)


@pytest.mark.parametrize("recipe", ["resnet_yolo", "rgbt"])
def test_label_files_that_were_swapped_are_noticed(recipe: str, tmp_path: Path) -> None:
    opened = Opened(recipe, tmp_path / "data")
    before = opened.manifest()
    first, second = sorted(opened.folder.rglob("labels/**/*.txt"))[:2]
    first_content, second_content = first.read_text(), second.read_text()
    assert first_content != second_content
    first.write_text(second_content)
    second.write_text(first_content)
    assert len(changes(before, opened.manifest()).changed) == 2


@pytest.mark.parametrize("recipe", ["resnet_yolo", "rgbt"])
def test_a_class_that_was_renamed_in_the_data_yaml_is_noticed(recipe: str, tmp_path: Path) -> None:
    opened = Opened(recipe, tmp_path / "data")
    before = opened.manifest()
    yaml = opened.path if opened.path.is_file() else opened.first("data.yaml")
    yaml.write_text(yaml.read_text().replace("'3'", "'three'").replace('"3"', "three"))
    assert [fact.partition(":")[0] for fact in changes(before, opened.manifest()).facts] == ["class names"]


def test_a_class_that_was_renamed_in_a_coco_file_is_noticed(tmp_path: Path) -> None:
    opened = Opened("yolox", tmp_path / "data")
    before = opened.manifest()
    for file in sorted((opened.folder / "annotations").glob("*.json")):
        file.write_text(file.read_text().replace('"name": "3"', '"name": "three"'))
    changed = changes(before, opened.manifest())
    assert (len(changed.changed), len(changed.facts)) == (0, 1)


@pytest.mark.parametrize("recipe", ["resnet_yolo", "rgbt"])
def test_a_label_file_that_was_removed_is_noticed(recipe: str, tmp_path: Path) -> None:
    """Its picture would be trained on as background."""
    opened = Opened(recipe, tmp_path / "data")
    before = opened.manifest()
    opened.first("labels/**/*.txt").unlink()
    changed = changes(before, opened.manifest())
    assert (len(changed.removed), len(changed.added), len(changed.changed)) == (1, 0, 0)


@pytest.mark.parametrize("recipe", ["resnet_yolo", "rgbt"])
def test_labels_written_in_another_way_are_equal(recipe: str, tmp_path: Path) -> None:
    """Git turns line ends, editors add byte order marks, exporters write more digits."""
    opened = Opened(recipe, tmp_path / "data")
    before = opened.manifest().fingerprint
    file = opened.first("labels/**/*.txt")
    file.write_text("\ufeff" + file.read_text().replace("\n", "\r\n"), encoding="utf-8")
    assert opened.manifest().fingerprint == before


def test_annotations_exported_again_are_equal(tmp_path: Path) -> None:
    """With a date of its own, and other spaces."""
    opened = Opened("yolox", tmp_path / "data")
    before = opened.manifest().fingerprint
    for file in (opened.folder / "annotations").glob("*.json"):
        content = json.loads(file.read_text()) | {"info": {"date_created": "2026-11-29"}}
        file.write_text(json.dumps(content, indent=4))
    assert opened.manifest().fingerprint == before


@pytest.mark.parametrize("recipe", ["resnet_yolo", "yolox", "rgbt", "refdet"])
def test_a_picture_that_changes_after_opening_is_seen_by_another_look(recipe: str, tmp_path: Path) -> None:
    opened = Opened(recipe, tmp_path / "data")
    before = opened.manifest()
    assert not changes(before, before.again())
    first, second = opened.first("*.png"), opened.second("*.png")
    first.write_bytes(second.read_bytes())
    assert len(changes(before, before.again()).changed) == 1
    first.unlink()
    assert len(changes(before, before.again()).removed) == 1
