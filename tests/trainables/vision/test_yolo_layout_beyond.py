"""What Ultralytics refuses and people have is read too; what cannot be read is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.yolo_folders import everywhere, images, listed, usual, write
from trainables.errors import DataError
from trainables.resnet_yolo.data import open_yolo
from trainables.vision.findings import Findings
from trainables.vision.yolo_layout import read_layout, split_images


def valid(root: Path) -> Path:
    return write(usual(root), "train: images/train\nvalid: images/val\nnames: [cow, calf]\n")


def pattern(root: Path) -> Path:
    return write(usual(root), "train: images/tr*\nval: images/va*/*.png\nnames: [cow, calf]\n")


def pattern_below_brackets(root: Path) -> Path:
    return pattern(root / "cows [v2]")


def mixed(root: Path) -> Path:
    return everywhere(lambda label: write(label, "0 0.3 0.3 0.4 0.4\n1 0.6 0.6 0.9 0.7 0.7 0.9\n"))(root)


def root_elsewhere(root: Path) -> Path:
    return usual(root, "path: C:/Users/me/Desktop/cows\nnames: [cow, calf]\n")


def yaml_with_mark(root: Path) -> Path:
    file = usual(root)
    return write(file, file.read_text(), encoding="utf-8-sig")


def yaml_in_utf16(root: Path) -> Path:
    file = usual(root)
    return write(file, file.read_text(), encoding="utf-16")


def list_from_windows(root: Path) -> Path:
    file = listed()(root)
    write(root / "train.txt", "".join(f".\\images\\train\\00{number}.png\r\n" for number in range(3)))
    return file


MORE = [
    *(valid, pattern, pattern_below_brackets, mixed, root_elsewhere, yaml_with_mark, yaml_in_utf16, list_from_windows)
]


@pytest.mark.parametrize("build", MORE)
def test_more_is_read_than_ultralytics_reads(build: Callable[[Path], Path], tmp_path: Path) -> None:
    data = open_yolo(build(tmp_path / "data"))
    assert [len(sample.labels) for sample in data.train.samples] == [2, 2, 0]
    assert [len(sample.labels) for sample in data.val.samples] == [2, 2, 0]


def test_what_a_list_names_in_vain_is_told(tmp_path: Path) -> None:
    file = listed("./images/train/999.png", "# cows")(tmp_path)
    assert [str(finding) for finding in open_yolo(file).findings if finding.file.name == "train.txt"] == [
        f"{tmp_path}/train.txt: line 3: './images/train/999.png' is not there; left out",
        f"{tmp_path}/train.txt: line 4: '# cows' has no image suffix; left out",
    ]
    write(tmp_path / "train.txt", "./images/train/999.png\n")
    with pytest.raises(DataError, match=r"train \(train\.txt\) holds no image \(.*999\.png' is not there; left out\)"):
        open_yolo(file)


def test_a_label_file_of_another_case_is_told(tmp_path: Path) -> None:
    file = usual(tmp_path)
    label = tmp_path / "labels/train/000.txt"
    label.rename(label.with_suffix(".TXT"))
    assert [str(finding) for finding in open_yolo(file).findings] == [
        f"{tmp_path}/labels/train/000.TXT: its suffix is .TXT; rename it to 000.txt"
    ]


def test_pictures_that_share_a_label_file_are_told(tmp_path: Path) -> None:
    file = usual(tmp_path)
    folder = tmp_path / "images/train"
    shutil.copy(folder / "000.png", folder / "000.bmp")
    assert [str(finding) for finding in open_yolo(file).findings] == [
        f"{folder}/000.png: has the labels of 000.bmp, for both are looked for as {tmp_path}/labels/train/000.txt"
    ]
    (tmp_path / "labels/train/000.txt").unlink()
    assert [*open_yolo(file).findings] == [], "both are background"


def test_a_split_without_a_label_says_why(tmp_path: Path) -> None:
    file = everywhere(lambda label: write(label, "0,0.5,0.5,0.2,0.2\n"))(tmp_path / "commas")
    with pytest.raises(DataError, match=r"no image of train has a label.*000\.txt: line 1: has 1 values"):
        open_yolo(file)
    images(tmp_path / "Images/train", labels=tmp_path / "labels/train")
    file = write(tmp_path / "data.yaml", "train: Images/train\nval: Images/train\nnames: [cow, calf]\n")
    with pytest.raises(DataError, match=rf"labels are looked for as {tmp_path}/Images/train/000\.txt"):
        open_yolo(file)


def test_the_folder_of_a_data_yaml_is_as_good_as_the_file(tmp_path: Path) -> None:
    usual(tmp_path)
    assert open_yolo(tmp_path).fingerprint == open_yolo(tmp_path / "data.yaml").fingerprint


def test_a_link_that_leads_back_up_is_not_followed_for_ever(tmp_path: Path) -> None:
    file = usual(tmp_path)
    (tmp_path / "images/train/again").symlink_to(tmp_path / "images")
    layout = read_layout(file, Findings())
    names = [image.name for image in split_images(layout, "train", Findings())]
    assert sorted(set(names)) == ["000.png", "001.png", "002.png", "010.png", "011.png", "012.png"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("train: [7]\nval: images/val\nnames: [a]", r"train is \[7\]; it must be a path"),
        ("train: ''\nval: images/val\nnames: [a]", r"train is ''; it must be a path"),
        ("path: [a]\ntrain: images/train\nval: images/val\nnames: [a]", r"path is \['a'\]; it must be the path"),
        ("train: images/train\nval: images/val\nnames: {a: 0}", r"names has the keys \['a'\]"),
        ("train: images/train\nval: images/val\nnames: {0: a, '0': b}", r"key '0' is given twice"),
        ("train: images/train\nval: images/val\nnames: [[a]]", r"names is \[\['a'\]\]"),
        ("train: images/train\nval: images/val\nnc: 1.5", r"nc is 1\.5; it must be the number"),
        (
            "train: images/train\nval: images/val\nnames: [a]\nkpt_shape: 17",
            r"kpt_shape is 17; it must be \[points, 2\]",
        ),
        ("train: images/train\nval: images/val\nnc: .inf", r"nc is inf; it must be the number"),
        ("train: images/trian\nval: images/val\nnames: [a]", r"has no trian; mend the path; did you mean 'train'\?"),
        ("train: imags/train\nval: images/val\nnames: [a]", r"has no imags; mend the path; did you mean 'images'\?"),
    ],
)
def test_what_a_data_yaml_must_not_say_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence):
        open_yolo(write(usual(tmp_path), text))


def test_what_is_no_data_yaml_is_told_with_what_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "coco.json").write_text("{}")
    with pytest.raises(DataError, match=r"coco\.json: is no data YAML; for COCO's layout give the folder that holds"):
        read_layout(tmp_path / "coco.json", Findings())
    with pytest.raises(DataError, match=r"holds no data YAML; give the path of one, or a folder in COCO's layout,"):
        read_layout(tmp_path, Findings())
