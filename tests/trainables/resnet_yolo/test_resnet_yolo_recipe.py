"""resnet_yolo's presets, named trainings, settings and export: all without a heavy library."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trainables.errors import SettingsError
from trainables.resnet_yolo.recipe import ResnetYolo
from trainables.resnet_yolo.schedule import rate_share
from trainables.settings import parse_value, read_yaml

RECIPE = ResnetYolo()


@pytest.mark.parametrize("preset", ["paper", "tiny"])
@pytest.mark.parametrize("training", [None, "broken", "fixed"])
def test_every_preset_takes_every_training(preset: str, training: str | None) -> None:
    settings = RECIPE.settings(preset, {}, training)
    assert set(RECIPE.presets[preset]) == set(type(settings).model_fields), "a preset gives every value"


def test_the_trainings_are_document_002_before_and_after() -> None:
    changed = {name: (RECIPE.trainings["broken"][name], value) for name, value in RECIPE.trainings["fixed"].items()}
    assert changed == {
        "lr": (2e-3, 1e-3),
        "warmup_start": (0.1, 0.55),
        "box_weight": (5.0, 7.5),
        "cls_weight": (1.0, 0.5),
        "focal_gamma": (2.5, 2.0),
        "iou_start": (0.2, 0.25),
        "iou_end": (0.4, 0.45),
        "iou_ramp_epochs": (20, 30),
        "clamp": (False, True),
    }
    assert RECIPE.trainings[RECIPE.baseline] == RECIPE.trainings["fixed"]


def test_the_paper_preset_is_the_fixed_training() -> None:
    assert RECIPE.settings("paper", {}) == RECIPE.settings("paper", {}, "fixed")


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"warmup_epoch": 3}, "unknown setting 'warmup_epoch'; did you mean 'warmup_epochs'?"),
        ({"lr": 0}, "setting 'lr' is 0; it must be greater than 0"),
        ({"lr": "fast"}, "setting 'lr' is 'fast'; it must be a number"),
        ({"lr": float("nan")}, "setting 'lr' is nan; it must be a finite number"),
        ({"epochs": 0}, "setting 'epochs' is 0; it must be at least 1"),
        ({"epochs": 2.5}, "setting 'epochs' is 2.5; it must be a whole number"),
        ({"image_size": 100}, "setting 'image_size' is 100; it must be a multiple of 32"),
        ({"dropout": 1.0}, "setting 'dropout' is 1.0; it must be less than 1"),
        ({"mosaic": 1.5}, "setting 'mosaic' is 1.5; it must be at most 1"),
        ({"clamp": "yes"}, "setting 'clamp' is 'yes'; it must be true or false"),
        ({"device": "gpu"}, "device"),
        ({"iou_start": 0.5, "iou_end": 0.4}, "iou_start 0.5 is above iou_end 0.4"),
        ({"widths": [8, 8, 16]}, "widths"),
        ({"blocks": [1, 1, 0, 1]}, "must all be at least 1"),
    ],
)
def test_a_wrong_setting_is_one_sentence(overrides: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        RECIPE.settings("tiny", overrides)
    assert str(raised.value).startswith("resnet_yolo: ")
    assert complaint in str(raised.value)


@pytest.mark.parametrize(("preset", "training"), [("tinny", None), ("tiny", "fixt")])
def test_a_wrong_name_offers_the_nearest(preset: str, training: str | None) -> None:
    with pytest.raises(SettingsError, match=r"did you mean 'tiny'|did you mean 'fixed'"):
        RECIPE.settings(preset, {}, training)


def test_a_value_without_a_point_is_a_number() -> None:
    assert RECIPE.settings("tiny", {"lr": parse_value("1e-3", "--set lr")}).model_dump()["lr"] == 0.001


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("lr: 1e-3\nbatch: 4\nlr: 1e-4\n")
    with pytest.raises(SettingsError, match=r"line 3: .*'lr' is given twice"):
        read_yaml(tmp_path / "settings.yaml")


def test_the_export_is_the_documents_dictionary(tmp_path: Path) -> None:
    settings = RECIPE.settings("paper", {"lr": 0.00073, "seed": 4})
    module, native = RECIPE.export(settings, tmp_path)
    values = runpy.run_path(str(module))["YOLOV8_PARAMS"]
    assert values["learning_rate"] == 0.00073
    document = {
        "dropout": 0.3,
        "box_loss_weight": 7.5,
        "cls_loss_weight": 0.5,
        "weight_decay": 5e-4,
        "batch_size": 4,
        "accumulation_steps": 4,
        "warmup_epochs": 10,
    }
    assert document.items() <= values.items()
    assert RECIPE.settings("tiny", read_yaml(native)) == settings


@pytest.mark.parametrize(("warmup_epochs", "warmup_start"), [(10, 0.55), (10, 0.1), (4, 0.1), (7, 0.9), (1, 0.3)])
def test_the_exported_warm_up_is_ours_in_the_documents_formula(
    warmup_epochs: int, warmup_start: float, tmp_path: Path
) -> None:
    """Its fix #4: `lr_scale = 0.5 + 0.5 * float(epoch + 1) / float(max(1, warmup_epochs))`, epochs from 0."""
    given: dict[str, Any] = {"warmup_epochs": warmup_epochs, "warmup_start": warmup_start}
    module, _ = RECIPE.export(RECIPE.settings("paper", given), tmp_path)
    start = runpy.run_path(str(module))["YOLOV8_PARAMS"]["warmup_start"]
    theirs = [start + (1 - start) * float(epoch + 1) / float(max(1, warmup_epochs)) for epoch in range(warmup_epochs)]
    assert theirs == pytest.approx([rate_share(epoch, epochs=150, **given) for epoch in range(1, 1 + warmup_epochs)])


def test_the_fixed_training_exports_the_documents_own_constant(tmp_path: Path) -> None:
    module, _ = RECIPE.export(RECIPE.settings("paper", {}, "fixed"), tmp_path)
    assert runpy.run_path(str(module))["YOLOV8_PARAMS"]["warmup_start"] == 0.5


def test_the_commands_that_only_list_recipes_import_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "cv2", "sklearn", "ultralytics", "faster_coco_eval")
    code = (
        "import sys, trainables.registry, spaces.registry, trainables.resnet_yolo.data, trainables.resnet_yolo.export\n"
        "spaces.registry.find(trainables.registry.find('resnet_yolo'))\n"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
