"""Data sets as Ultralytics takes them: what is read, what is refused, and that nothing lands beside them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from torchvision.datasets import ImageFolder

from trainables.errors import DataError
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.ultralytics.data import open_data
from trainables.ultralytics.files import package_folder
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics_import import isolated
from trainables.vision.image_files import HIDDEN


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tasks(tmp_path_factory.mktemp("data") / "tasks", train=6, val=3).parents[1]


@pytest.fixture
def root(sample: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sample, tmp_path / "tasks")


def test_the_sample_has_a_data_set_for_each_task(sample: Path) -> None:
    for task in ("detect", "segment", "pose", "obb"):
        (dataset,) = open_data(sample / task / "data.yaml").sets
        assert dataset.name == task
        assert dataset.names == ("3", "7")
        assert [len(dataset.images[split]) for split in ("train", "val")] == [6, 3]
    (classes,) = open_data(sample / "classify").sets
    assert classes.names == ("3", "7")
    assert classes.folders["val"] == sample / "classify/val"


def test_labels_have_the_form_of_their_task(sample: Path) -> None:
    first = {task: (sample / task / "labels/train/0000.txt").read_text().split("\n")[0].split() for task in
             ("detect", "segment", "pose", "obb")}  # fmt: skip
    assert len(first["detect"]) == 5
    assert len(first["pose"]) == 5 + 4 * 3
    assert len(first["obb"]) == 9
    assert len(first["segment"]) >= 7
    assert len(first["segment"]) % 2 == 1


def test_lists_patterns_and_text_files_are_resolved_for_the_trainer(root: Path, tmp_path: Path) -> None:
    folder = root / "detect"
    images = sorted((folder / "images/train").glob("*.png"))
    (folder / "some.txt").write_text("".join(f"./images/train/{image.name}\n" for image in images[:2]))
    text = "train: [some.txt, 'images/train/000[3-4].png']\nval: images/val\nnames: [a, b]\nkpt_shape: [4, 3]\n"
    (folder / "data.yaml").write_text(text)
    (dataset,) = open_data(folder / "data.yaml").sets
    work = tmp_path / "work"
    work.mkdir()
    resolved = yaml.safe_load(Path(dataset.for_trainer(work)).read_text())
    assert Path(resolved["train"]).read_text().split() == [str(images[index]) for index in (0, 1, 3, 4)]
    assert resolved["kpt_shape"] == [4, 3]
    assert resolved["names"] == {0: "a", 1: "b"}


def test_a_training_may_write_into_a_relative_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `steadytune train` does unless told otherwise; Ultralytics looks for relative paths below `path`."""
    with isolated(tmp_path):
        from ultralytics.data.utils import check_det_dataset
    monkeypatch.chdir(tmp_path)
    Path("training").mkdir()
    (dataset,) = open_data(root / "detect/data.yaml").sets
    described = check_det_dataset(dataset.for_trainer(Path("training")), autodownload=False)
    assert [described[split] for split in ("train", "val")] == [
        str(tmp_path / f"training/{part}.txt") for part in ("train", "val")
    ]


def test_label_files_that_are_not_read_are_told(root: Path) -> None:
    """Ultralytics takes their images for background without a word."""
    labels = root / "detect/labels/train"
    (labels / "0000.txt").rename(labels / "0000.TXT")
    (labels / "0001.txt").rename(labels / "0001 .txt")
    assert [str(finding) for finding in open_data(root / "detect/data.yaml").findings] == [
        f"{labels}/0000.TXT: its suffix is .TXT; rename it to 0000.txt",
        f"{labels}/0001 .txt: its image '0001.png' differs in capitals, spaces or how accents are encoded and is "
        "background; rename one of the two",
    ]


def test_the_fingerprint_is_of_the_content_not_of_the_place(sample: Path, root: Path) -> None:
    for part in ("detect/data.yaml", "classify"):
        assert open_data(sample / part).fingerprint == open_data(root / part).fingerprint
    (root / "detect/labels/train/0000.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert open_data(sample / "detect/data.yaml").fingerprint != open_data(root / "detect/data.yaml").fingerprint


def test_arrays_beside_the_images_are_neither_read_nor_changed(root: Path, tmp_path: Path) -> None:
    """Ultralytics takes `a.npy` for a decoded copy of `a.png`; it may be a user's temperatures."""
    with isolated(tmp_path):
        from trainables.ultralytics.look import opened
    folder = root / "detect/images/val"
    settings, data = Ultralytics().settings("tiny", {}), open_data(root / "detect/data.yaml")
    expected = [np.asarray(item["img"]) for item in opened(settings, data, "val", augment=False)]
    arrays = [np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 293.15), np.array({"kelvin": 293.15})]
    files = [folder / f"{index:04d}.npy" for index in range(3)]
    for file, array in zip(files, arrays, strict=True):
        np.save(file, array, allow_pickle=True)
    contents = [file.read_bytes() for file in files]
    pixels = [np.asarray(item["img"]) for item in opened(settings, data, "val", augment=False)]
    assert all(np.array_equal(*pair) for pair in zip(pixels, expected, strict=True))
    assert [file.read_bytes() for file in files] == contents


def test_with_single_cls_all_objects_have_the_name_that_ultralytics_gives(sample: Path, tmp_path: Path) -> None:
    """Its predictions have it, so a report that compares the two needs it on both sides."""
    with isolated(tmp_path):
        from trainables.ultralytics.held_out import held_out
    data = open_data(sample / "detect/data.yaml")
    for single_cls, names in ((True, {"item"}), (False, {"3", "7"})):
        settings = Ultralytics().settings("tiny", {"single_cls": single_cls})
        assert {label for example in held_out(settings, data) for label in example.labels} == names
        (counted, *_) = Ultralytics().look(settings, data).tables
        assert {row[0] for row in counted.rows} - {"all", "without an object"} == names


def test_folders_named_by_imagenets_codes_have_the_words_that_the_model_answers_with(
    root: Path, tmp_path: Path
) -> None:
    """As those of imagenette: Ultralytics has a model of them answer with words, and a report compares the two."""
    with isolated(tmp_path):
        from trainables.ultralytics.held_out import held_out
    for split in ("train", "val"):
        for name, code in (("3", "n01440764"), ("7", "n02102040")):
            (root / "classify" / split / name).rename(root / "classify" / split / code)
    examples = held_out(Ultralytics().settings("tiny", {}), open_data(root / "classify"))
    assert {label for example in examples for label in example.labels} == {"tench", "English_springer"}


def test_several_data_sets_are_named_with_commas(sample: Path) -> None:
    data = open_data(Path(f"{sample / 'detect/data.yaml'},{sample / 'pose/data.yaml'}"))
    assert [dataset.name for dataset in data.sets] == ["detect", "pose"]


def test_a_name_of_ultralytics_is_its_own_file() -> None:
    located = Ultralytics().locate("coco8.yaml", {"download": False})
    assert located == str(package_folder() / "cfg/datasets/coco8.yaml")
    assert Ultralytics().locate("coco8", {"download": False}) == located
    assert Ultralytics().locate("nothing.yaml", {"download": False}) is None


def test_a_data_set_of_ultralytics_whose_images_are_not_here_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    with pytest.raises(
        DataError, match=r"data is coco8.yaml, but the images of train are not on this machine; set download"
    ):
        open_data(package_folder() / "cfg/datasets/coco8.yaml")


class TestClasses:
    def test_without_a_held_out_folder(self, root: Path) -> None:
        shutil.rmtree(root / "classify/val")
        with pytest.raises(DataError, match=r"holds no data YAML and no folder val; .* it must hold train and val"):
            open_data(root / "classify")

    def test_a_class_that_training_does_not_have(self, root: Path) -> None:
        (root / "classify/val/3").rename(root / "classify/val/5")
        with pytest.raises(DataError, match=r"val/5: is no class of .*train; the folders of both must have the same"):
            open_data(root / "classify")

    def test_a_single_class(self, root: Path) -> None:
        shutil.rmtree(root / "classify/train/3")
        with pytest.raises(DataError, match="holds 1 folders; it needs one folder of images for each class"):
            open_data(root / "classify")

    def test_what_is_hidden_is_no_class_and_no_image(self, root: Path) -> None:
        """torchvision takes it for a class: pytorch/vision#2831, open-mmlab/mmpretrain#507, bghira/SimpleTuner#94."""
        folder = root / "classify"
        shutil.copytree(folder / "train/3", folder / "train/.ipynb_checkpoints")
        shutil.copytree(folder / "train/3", folder / "train/7/.ipynb_checkpoints")
        (folder / "train/3/._0000.png").write_bytes(bytes(8))
        data = open_data(folder)
        (dataset,) = data.sets
        assert dataset.names == ("3", "7")
        taken = ImageFolder(str(Path(dataset.for_trainer(folder)) / "train"))
        assert taken.classes == ["3", "7"]
        assert sorted(path for path, _ in taken.samples) == sorted(map(str, dataset.images["train"]))
        assert all(image.resolve().is_relative_to(folder) for image in dataset.images["train"])
        assert sum(finding.kind == HIDDEN for finding in data.findings) == 3


class TestNdjson:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("STEADYTUNE_CACHE", str(tmp_path / "cache"))
        return tmp_path / "cache"

    def write(self, root: Path, **image: object) -> Path:
        lines: list[object] = [{"type": "dataset", "task": "detect", "class_names": {"0": "3", "1": "7"}}]
        for split in ("train", "val"):
            boxes = [[0, 0.5, 0.5, 0.25, 0.25], [1, 0.2, 0.2, 0.1, 0.1]]
            record = {"file": "0000.png", "split": split, "annotations": {"boxes": boxes}}
            lines.append(record | image)
        file = root / "detect/export.ndjson"
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return file

    def test_becomes_a_data_yaml_with_links_to_the_images(self, root: Path, cache: Path) -> None:
        (dataset,) = open_data(self.write(root)).sets
        (image,) = dataset.images["train"]
        assert image.is_relative_to(cache)
        assert image.resolve() == root / "detect/images/train/0000.png"
        label = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
        assert label.read_text() == "0 0.5 0.5 0.25 0.25\n1 0.2 0.2 0.1 0.1\n"
        assert dataset.names == ("3", "7")

    def test_an_image_that_is_only_at_a_url_is_not_fetched(self, root: Path) -> None:
        file = self.write(root, file="gone.png", url="https://example.com/gone.png?key=secret")
        with pytest.raises(
            DataError, match=r"line 2: image 'gone.png' is not under .*, only at https://example.com/go"
        ) as raised:
            open_data(file)
        assert "secret" not in str(raised.value)

    def test_a_line_that_is_no_json(self, root: Path) -> None:
        file = self.write(root)
        file.write_text(file.read_text() + "{\n")
        with pytest.raises(DataError, match=r"export.ndjson line 4: not valid JSON"):
            open_data(file)
