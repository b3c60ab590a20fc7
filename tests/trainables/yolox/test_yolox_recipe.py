"""yolox's presets, named trainings, settings and export; upstream reads the export back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trainables.errors import SettingsError
from trainables.settings import read_yaml
from trainables.yolox.recipe import Yolox

RECIPE = Yolox()


@pytest.mark.parametrize("preset", ["paper", "tiny"])
@pytest.mark.parametrize("training", [None, "clean-v2", "smooth", "stable-v3"])
def test_every_preset_takes_every_training(preset: str, training: str | None) -> None:
    settings = RECIPE.settings(preset, {}, training)
    assert set(RECIPE.presets[preset]) == set(type(settings).model_fields), "a preset gives every value"


def test_the_trainings_are_document_001s() -> None:
    def of(training: str, *names: str) -> tuple[Any, ...]:
        values = RECIPE.settings("paper", {}, training).model_dump()
        return tuple(values[name] for name in names)

    names = ("epochs", "batch", "lr", "mosaic_prob", "mixup_prob", "warmup_epochs", "no_aug_epochs")
    assert of("smooth", *names) == (30, 32, 5e-4, 1.0, 1.0, 1, 2)
    assert of("stable-v3", *names) == (30, 32, 3e-4, 0.2, 0.15, 3, 8)
    assert of("stable-v3", "hsv_prob", "flip_prob", "min_lr_ratio") == (1.0, 0.5, 0.1)
    assert of("clean-v2", "epochs", "batch") == (10, 8)
    assert of("clean-v2", "lr")[0] * 8 / 32 == 1.25e-4
    assert RECIPE.settings("paper", {}) == RECIPE.settings("paper", {}, RECIPE.baseline)


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"mosaic": 0.5}, "unknown setting 'mosaic'; did you mean 'mosaic_prob'?"),
        ({"momentum": 0}, "setting 'momentum' is 0; it must be greater than 0"),  # upstream's SGD is Nesterov's
        ({"lr": 0}, "setting 'lr' is 0; it must be greater than 0"),
        ({"freeze": "head"}, "setting 'freeze' is 'head'"),
        ({"schedule": "cosine"}, "setting 'schedule' is 'cosine'"),
        ({"input_size": [100, 96]}, "setting 'input_size.0' is 100; it must be a multiple of 32"),
        ({"input_size": [96]}, "input_size"),
        ({"mixup_prob": 1.5}, "setting 'mixup_prob' is 1.5; it must be at most 1"),
        ({"multiscale": 5}, "setting 'multiscale' is 5; it must be at most 0.5"),
        ({"scale_min": 1.5}, "setting 'scale_min' is 1.5"),
        ({"device": "gpu"}, "device"),
    ],
)
def test_a_wrong_setting_is_one_sentence(overrides: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        RECIPE.settings("tiny", overrides)
    assert str(raised.value).startswith("yolox: ")
    assert complaint in str(raised.value)


@pytest.mark.e2e
def test_upstream_loads_the_exported_experiment_and_builds_its_model(tmp_path: Path) -> None:
    """In a process of its own, which finds yolox and the exported file, and nothing of ours."""
    changed = {"lr": 0.00073, "lr_scale": 20.0, "freeze": "backbone", "mosaic_prob": 0.37}
    settings = RECIPE.settings("tiny", changed, "stable-v3")
    _, native = RECIPE.export(settings, tmp_path)
    assert RECIPE.settings("paper", read_yaml(native)) == settings
    code = (
        "import sys\n"
        "from yolox.cli.utils import parse_model_config_opts, resolve_config\n"
        "config = resolve_config('yolox_experiment:Tuned')\n"
        "config.update(parse_model_config_opts(['num_classes=7', 'data_dir=somewhere']))\n"
        "config.validate()\n"
        "model = config.get_model()\n"
        "model.train()\n"
        "rate = config.get_lr_scheduler(config.basic_lr_per_img * 32, 25)\n"
        "frozen = {name.split('.')[1] for name, value in model.named_parameters() if not value.requires_grad}\n"
        "print(config.mosaic_prob, round(config.basic_lr_per_img * 32 / 20, 9), rate.update_lr(75) / 20, *frozen)\n"
        "print(model.backbone.backbone.training, model.head.num_classes, len(config.get_optimizer(32).param_groups))\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('trainables', 'search', 'spaces')]\n"
    )
    command = [sys.executable, "-P", "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0.37", "0.00073", "0.00073", "backbone", "False", "7", "3"]


def test_the_commands_that_only_list_recipes_import_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "cv2", "sklearn", "yolox", "pycocotools", "faster_coco_eval")
    code = (
        "import sys, trainables.registry, spaces.registry, trainables.yolox.data, trainables.yolox.export\n"
        "spaces.registry.find(trainables.registry.find('yolox'))\n"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
