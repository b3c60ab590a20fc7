"""What the loader of RGB and thermal pairs accepts, what it refuses and in which words, and what it keeps."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from trainables.errors import DataError
from trainables.rgbt.data import open_rgbt, stacked
from trainables.rgbt.look import look
from trainables.rgbt.recipe import Rgbt
from trainables.samples.thermal_pairs import write_rgbt
from trainables.ultralytics_import import isolated


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pairs to train on and one held out, 40 by 20 pixels, each with one object."""
    described = "names: [cow, calf]\n"
    for split, names in (("train", "ab"), ("val", "c")):
        for name in names:
            save(tmp_path / f"rgb/{split}/{name}.png", "RGB", (ord(name), 0, 9))
            save(tmp_path / f"thermal/{split}/{name}.png", "L", ord(name))
            write(tmp_path / f"labels/{split}/{name}.txt", "1 0.5 0.5 0.25 0.5\n")
        write(tmp_path / f"scenes/{split}.csv", "".join(f"{name},night\n" for name in names))
        described += f"{split}: {{rgb: rgb/{split}, thermal: thermal/{split}, labels: labels/{split},"
        described += f" scenes: scenes/{split}.csv}}\n"
    write(tmp_path / "data.yaml", described)
    return tmp_path


def save(path: Path, mode: str, colour: object, size: tuple[int, int] = (40, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def scenes(text: str) -> Callable[[Path], None]:
    return lambda root: write(root / "scenes/train.csv", text)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no data YAML": (lambda root: (root / "data.yaml").unlink(), r"data\.yaml: no such file"),
    "missing key": (lambda root: write(root / "data.yaml", "names: [a]\ntrain: {}"), r"key 'val' is missing"),
    "a folder alone": (lambda root: write(root / "data.yaml", "names: [a]\ntrain: x\nval: y"), r"train is 'x'"),
    "no thermal folder": (
        lambda root: write(root / "data.yaml", "names: [a]\ntrain: {rgb: rgb}\nval: {}"),
        r"train\.thermal is None; it must be the path of a folder",
    ),
    "missing folder": (lambda root: shutil.rmtree(root / "thermal/val"), r"val\.thermal names the folder .*val, which"),
    "no thermal partner": (lambda root: (root / "thermal/train/b.png").unlink(), r"rgb/train/b\.png: has no partner b"),
    "a partner in other capitals": (
        lambda root: (root / "thermal/train/b.png").rename(root / "thermal/train/B.png"),
        r"rgb/train/b\.png: has no partner b under .*, but 'B'; they differ in capitals, .*: rename one",
    ),
    "labels in other capitals": (
        lambda root: (root / "labels/train/a.txt").rename(root / "labels/train/A.txt"),
        r"A\.txt: has no image of that name; 'a' differs in capitals, .*: rename one",
    ),
    "no RGB partner": (lambda root: (root / "rgb/train/b.png").unlink(), r"thermal/train/b\.png: has no partner b"),
    "other size": (
        lambda root: save(root / "thermal/train/a.png", "L", 0, (20, 20)),
        r"thermal/train/a\.png: is 20x20, but .*rgb/train/a\.png is 40x20; the two must be registered",
    ),
    "two of a name": (lambda root: save(root / "rgb/train/a.jpg", "RGB", 0), r"a\.png: a\.jpg has the same name"),
    "no picture": (lambda root: write(root / "thermal/train/b.png", "hi"), r"thermal/train/b\.png: cannot be decoded"),
    "labels of no pair": (lambda root: write(root / "labels/train/z.txt", ""), r"z\.txt: has no image of that name"),
    "labels in capitals": (
        lambda root: (root / "labels/train/a.txt").rename(root / "labels/train/a.TXT"),
        r"a\.TXT: its suffix is \.TXT; rename it to a\.txt",
    ),
    "nothing to find": (lambda root: write(root / "labels/val/c.txt", ""), r"no image of val has a label"),
    "no scenes file": (lambda root: (root / "scenes/val.csv").unlink(), r"scenes/val\.csv: no such file"),
    "dusk": (scenes("a,night\nb,dusk\n"), r"train\.csv line 2: is 'b,dusk'; it must be name,day or name,night"),
    "scenes in no file": (
        lambda root: write(
            root / "data.yaml", (root / "data.yaml").read_text().replace("scenes/val.csv", "[c, night]")
        ),
        r"data\.yaml: val\.scenes is \['c', 'night'\]; it must be the path of a CSV file",
    ),
    "scene of no pair": (scenes("a,day\nz,day\n"), r"train\.csv line 2: there is no image z"),
    "scene given twice": (scenes("a,day\na,day\n"), r"train\.csv line 2: a was there before"),
    "scene given twice, once with a suffix": (scenes("a,day\na.png,day\n"), r"line 2: a\.png was there before"),
    "scene left out": (scenes("a,day\n"), r"train\.csv: image b is missing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str, root: Path) -> None:
    spoil, complaint = WRONG[case]
    spoil(root)
    with pytest.raises(DataError, match=complaint):
        open_rgbt(root / "data.yaml")


TOLD: dict[str, tuple[Callable[[Path], object], str]] = {
    "four values": (lambda root: write(root / "labels/train/a.txt", "1 0.5 0.5 0.1"), r"a\.txt: line 1: has 4 values"),
    "class too high": (lambda root: write(root / "labels/train/a.txt", "2 .5 .5 .1 .1"), r"a\.txt: line 1: class is 2"),
    "a pair in both splits": (
        lambda root: [
            shutil.copy(root / f"{kind}/train/b.png", root / f"{kind}/val/c.png") for kind in ("rgb", "thermal")
        ],
        r"rgb/val/c\.png: is the same file as .*rgb/train/b\.png",
    ),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_ultralytics_leaves_out_is_left_out_and_told(case: str, root: Path) -> None:
    spoil, sentence = TOLD[case]
    spoil(root)
    (finding,) = open_rgbt(root / "data.yaml").findings
    assert re.search(sentence, str(finding))


def test_a_pair_is_four_planes_in_the_order_red_green_blue_thermal(root: Path) -> None:
    pixels, original = open_rgbt(root / "data.yaml").train.load(1, 80, clahe=False)
    assert pixels.shape == (40, 80, 4)
    assert original == (20, 40)
    assert pixels[10, 10].tolist() == [98, 0, 9, 98]
    assert not pixels.flags.writeable


def test_sixteen_bits_count_by_their_upper_half(root: Path) -> None:
    Image.fromarray(np.full((20, 40), 77 * 256 + 5, dtype=np.uint16)).save(root / "thermal/train/a.png")
    assert open_rgbt(root / "data.yaml").train.load(0, 40, clahe=False)[0][0, 0, 3] == 77


def test_equalising_changes_the_thermal_plane_alone(tmp_path: Path) -> None:
    pairs = open_rgbt(write_rgbt(tmp_path / "pairs", train=2, val=2, size=64)).train
    plain, equalised = (pairs.load(0, 64, clahe)[0] for clahe in (False, True))
    assert np.array_equal(plain[..., :3], equalised[..., :3])
    assert equalised[..., 3].std() > plain[..., 3].std()


def test_empty_lines_of_scenes_are_skipped(root: Path) -> None:
    write(root / "scenes/train.csv", "a,day\n\nb,night\n\n")
    assert [pair.scene for pair in open_rgbt(root / "data.yaml").train.samples] == ["day", "night"]


def test_scenes_may_be_of_files_and_their_key_empty(root: Path) -> None:
    write(root / "scenes/train.csv", "a.png,day\nb.JPG,night\n")
    write(root / "data.yaml", (root / "data.yaml").read_text().replace("scenes: scenes/val.csv", "scenes:"))
    data = open_rgbt(root / "data.yaml")
    assert [pair.scene for pair in (*data.train.samples, *data.val.samples)] == ["day", "night", ""]


def test_paths_may_be_those_of_windows(root: Path) -> None:
    for kind in ("rgb", "thermal", "labels"):
        (root / kind / "train/nested").mkdir()
        for file in list((root / kind / "train").glob("a.*")):
            file.rename(file.parent / "nested" / file.name)
    write(root / "scenes/train.csv", "nested\\a.png,day\nb,night\n")
    described = (root / "data.yaml").read_text()
    for path in ("rgb/train", "thermal/train", "labels/train", "scenes/train.csv"):
        described = described.replace(path, path.replace("/", "\\"))
    write(root / "data.yaml", described)
    assert [(pair.rgb.stem, pair.scene) for pair in open_rgbt(root / "data.yaml").train.samples] == [
        ("b", "night"),
        ("a", "day"),
    ]


def test_what_tools_leave_beside_labels_is_no_label_file(root: Path) -> None:
    """LabelImg's list of classes, and what macOS puts into archives."""
    write(root / "labels/train/classes.txt", "cow\ncalf\n")
    write(root / "labels/train/._a.txt", "Mac OS X")
    write(root / "labels/val/.ipynb_checkpoints/c-checkpoint.txt", "1 0.5 0.5 0.25 0.5\n")
    assert len(open_rgbt(root / "data.yaml").train) == 2


def test_names_that_yaml_takes_for_something_else_are_told(root: Path) -> None:
    write(root / "data.yaml", (root / "data.yaml").read_text().replace("[cow, calf]", "[on, off]"))
    (finding,) = open_rgbt(root / "data.yaml").findings
    assert "written: on as True, off as False; put what is a name in quotes" in str(finding)


def test_scenes_may_be_left_out(root: Path) -> None:
    text = (root / "data.yaml").read_text().replace(", scenes: scenes/train.csv", "")
    write(root / "data.yaml", text.replace(" scenes: scenes/train.csv", ""))
    data = open_rgbt(root / "data.yaml")
    assert [pair.scene for pair in (*data.train.samples, *data.val.samples)] == ["", "", "night"]


def test_a_pair_is_decoded_once_while_there_is_room(root: Path) -> None:
    data = open_rgbt(root / "data.yaml", cache_bytes=40 * 20 * 4)
    data.train.preload(40, clahe=False)
    assert data.train.load(0, 40, False)[0] is data.train.load(0, 40, False)[0]
    assert data.train.load(1, 40, False)[0] is not data.train.load(1, 40, False)[0]


def test_two_pairs_of_one_rgb_image_keep_their_own_thermal_ones(root: Path) -> None:
    pairs = open_rgbt(root / "data.yaml").train
    first, second = pairs.samples
    shared = pairs.of([first, replace(second, rgb=first.rgb)])
    assert [shared.load(index, 40, False)[0][0, 0, 3] for index in range(2)] == [ord("a"), ord("b")]


def test_the_fingerprint_is_of_the_content_not_of_the_place(root: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(root, tmp_path / "elsewhere")
    before = open_rgbt(root / "data.yaml").fingerprint
    assert open_rgbt(copy / "data.yaml").fingerprint == before
    write(copy / "scenes/train.csv", "a,night\nb,day\n")
    assert open_rgbt(copy / "data.yaml").fingerprint != before


class TestTheSample:
    def test_shows_digits_by_night_in_the_thermal_plane_only(self, tmp_path: Path) -> None:
        pairs = open_rgbt(write_rgbt(tmp_path / "pairs", train=30, val=4, size=64)).train
        contrast: dict[str, list[list[float]]] = {"day": [], "night": []}
        for index, pair in enumerate(pairs.samples):
            pixels = pairs.load(index, 64, False)[0].astype(float)
            _, cx, cy, w, h = pair.labels[0] * 64
            inside = np.zeros((64, 64), dtype=bool)
            inside[round(cy - h / 2) : round(cy + h / 2), round(cx - w / 2) : round(cx + w / 2)] = True
            planes = (pixels[..., :3].mean(axis=2), pixels[..., 3])
            contrast[pair.scene].append([plane[inside].mean() - plane.mean() for plane in planes])
        (day_rgb, day_thermal), (night_rgb, night_thermal) = (np.mean(contrast[when], axis=0) for when in contrast)
        assert min(day_rgb, day_thermal, night_thermal) > 8
        assert night_rgb < 3

    def test_is_the_same_each_time_and_written_once(self, tmp_path: Path) -> None:
        first, second = (write_rgbt(tmp_path / name, train=3, val=2, size=64) for name in "ab")
        assert open_rgbt(first).fingerprint == open_rgbt(second).fingerprint
        before = first.stat().st_mtime_ns
        assert write_rgbt(tmp_path / "a", train=9, val=9, size=64).stat().st_mtime_ns == before


def test_thermal_pictures_that_lose_their_temperatures_are_told(root: Path) -> None:
    """In colour, of which one plane is taken; or in 16 bits, whose upper half hardly differs from place to place."""

    def warnings() -> str:
        return " ".join(look(Rgbt().settings("tiny", {}), open_rgbt(root / "data.yaml")).warnings)

    grey = np.tile(np.arange(0, 240, 6, dtype=np.uint8), (20, 1))
    for name in "ab":
        Image.fromarray(np.dstack([grey] * 3)).save(root / f"thermal/train/{name}.png")
    assert "thermal" not in warnings()
    Image.fromarray(np.dstack([grey, grey // 2, 255 - grey])).save(root / "thermal/train/a.png")
    assert "1 of 2 thermal pictures that were looked at are in colour, of which the blue plane alone" in warnings()
    for name in "ab":
        Image.fromarray(29000 + grey.astype(np.uint16)).save(root / f"thermal/train/{name}.png")
    assert "2 of the 2 thermal pictures of train have less than 16 of 256 grey levels" in warnings()


@pytest.mark.parametrize("shape", [(64, 97), (97, 64), (10, 500), (200, 151)])
def test_pairs_are_scaled_to_the_size_that_ultralytics_scales_pictures_to(
    shape: tuple[int, int], tmp_path: Path
) -> None:
    with isolated(tmp_path):
        from ultralytics.data.base import BaseDataset
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    files = {"im_files": [str(tmp_path / "a.png")], "npy_files": [tmp_path / "a.npy"], "ims": [None]}
    dataset = SimpleNamespace(**files, imgsz=96, cv2_flag=cv2.IMREAD_COLOR, augment=False, cache=None)
    expected, original, scaled = BaseDataset.load_image(dataset, 0)
    pixels, size = stacked(rgb, rgb[..., 0].copy(), 96, clahe=False)
    assert (size, pixels.shape[:2]) == (original, scaled)
    assert np.array_equal(pixels[..., :3], expected[..., ::-1])
