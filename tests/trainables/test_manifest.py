"""Two data sets are equal by what is trained on, and a difference is told in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trainables import manifest
from trainables.errors import DataError
from trainables.file_facts import file_facts
from trainables.manifest import FORMAT, Manifest, Part, changes, of_parts

NAMES = ["cow", "calf"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "cattle"
    for name in ("images/a.png", "images/b.png", "labels/a.txt", "labels/b.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def read(root: Path, names: list[str] = NAMES, splits: tuple[str, ...] = ("train",)) -> Manifest:
    files = sorted(root.rglob("*.*"))
    with file_facts() as facts:
        parts = [Part(split, str(file), facts.digest(file), read_later=True) for split in splits for file in files]
    return of_parts({"class names": names}, parts)


def test_a_name_is_the_split_and_the_path_below_the_common_folder(root: Path) -> None:
    assert list(read(root).parts) == [
        "train images/a.png",
        "train images/b.png",
        "train labels/a.txt",
        "train labels/b.txt",
    ]


def test_equal_data_elsewhere_and_at_another_time_are_equal(root: Path, tmp_path: Path) -> None:
    """Upstream counts a moved data set as another one: https://github.com/ultralytics/yolov5/pull/3350."""
    copy = Path(shutil.copytree(root, tmp_path / "disk" / "copy", copy_function=shutil.copyfile))
    linked = tmp_path / "linked"
    linked.symlink_to(root)
    assert read(copy).fingerprint == read(root).fingerprint == read(linked).fingerprint
    assert not changes(read(root), read(copy))


def test_a_file_in_two_splits_counts_in_both(root: Path) -> None:
    assert len(read(root, splits=("train", "val")).parts) == 8


def test_class_names_in_another_order_are_other_data(root: Path) -> None:
    """https://github.com/roboflow/roboflow-python/issues/100: an export that inverts two classes."""
    now = read(root, ["calf", "cow"])
    assert now.fingerprint != read(root).fingerprint
    assert str(changes(read(root), now)) == "class names: cow, calf before, calf, cow now"


def test_a_class_name_that_is_cut_off_is_told(root: Path) -> None:
    """https://github.com/ultralytics/ultralytics/pull/26207: labels are served from a cache though names were cut."""
    assert str(changes(read(root), read(root, ["cow"]))) == "class names: cow, calf before, cow now"


def test_a_label_mended_in_place_is_told(root: Path) -> None:
    """https://github.com/ultralytics/yolov5/issues/306: labels of the same length are read from an old cache."""
    before = read(root)
    (root / "labels/a.txt").write_text("LABELS/A.TXT")
    assert str(changes(before, read(root))) == "1 changed (train labels/a.txt)"


def test_two_files_that_changed_places_are_told(root: Path) -> None:
    before = read(root)
    (root / "labels/a.txt").write_text("labels/b.txt")
    (root / "labels/b.txt").write_text("labels/a.txt")
    assert str(changes(before, read(root))) == "2 changed (train labels/a.txt, train labels/b.txt)"


def test_added_images_are_counted_and_the_first_named(root: Path) -> None:
    """https://github.com/ultralytics/yolov5/issues/8216: many images are added before a resume."""
    before = read(root)
    for number in range(200):
        (root / f"images/new{number:04}.png").write_text(str(number))
    first = "train images/new0000.png, train images/new0001.png, train images/new0002.png"
    assert str(changes(before, read(root))) == f"200 added ({first} and 197 more)"


def test_removed_and_renamed_files_are_told_apart(root: Path) -> None:
    before = read(root)
    (root / "images/a.png").unlink()
    (root / "images/b.png").rename(root / "images/c.png")
    changed = changes(before, read(root))
    assert (changed.removed, changed.renamed, changed.added) == (("train images/a.png",), ("train images/b.png",), ())


def test_a_picture_replaced_wholly_keeps_its_name(root: Path) -> None:
    """https://github.com/AlexeyAB/darknet/issues/2189: totally new images before continuing."""
    before = read(root)
    for name in "ab":
        (root / f"images/{name}.png").write_text("new")
    assert str(changes(before, read(root))) == "2 changed (train images/a.png, train images/b.png)"


def test_again_looks_at_the_same_files(root: Path) -> None:
    before = read(root)
    assert before.again().fingerprint == before.fingerprint
    (root / "images/new.png").write_text("not read by the training that runs")
    assert not changes(before, before.again())
    (root / "images/a.png").unlink()
    assert str(changes(before, before.again())) == "1 removed (train images/a.png)"


def test_names_that_are_no_text_have_a_fingerprint_and_can_be_kept(root: Path) -> None:
    (root / "images/b\udcff\n.png").write_text("odd")
    before = read(root)
    stored = json.loads(json.dumps(manifest.dump(before)))
    assert manifest.parse(stored, root).fingerprint == before.fingerprint
    assert before.fingerprint.startswith(FORMAT)


@pytest.mark.parametrize("content", [None, [], {"facts": {}}, {"facts": {}, "parts": []}])
def test_what_is_no_manifest_is_refused_with_its_file(content: object, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.json: holds no facts and parts"):
        manifest.parse(content, tmp_path / "data.json")
