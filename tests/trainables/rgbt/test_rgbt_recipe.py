"""rgbt's presets, named trainings and settings; and its export, as Ultralytics itself reads it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainables.errors import SettingsError
from trainables.rgbt.recipe import Rgbt
from trainables.rgbt.settings import RgbtSettings
from trainables.samples.thermal_pairs import write_rgbt
from trainables.settings import read_yaml
from trainables.ultralytics_import import isolated

RECIPE = Rgbt()


@pytest.mark.parametrize("preset", ["paper", "tiny"])
@pytest.mark.parametrize("training", [None, "v1.0", "v1.1", "v1.2", "rgb-only"])
def test_every_preset_takes_every_training(preset: str, training: str | None) -> None:
    settings = RECIPE.settings(preset, {}, training)
    assert set(RECIPE.presets[preset]) == set(type(settings).model_fields), "a preset gives every value"


def test_the_paper_preset_is_document_000() -> None:
    paper = RECIPE.settings("paper", {}).model_dump()
    assert paper == RECIPE.settings("paper", {}, "v1.0").model_dump()
    assert {name: paper[name] for name in ("model", "epochs", "thermal_init", "weights")} == {
        "model": "x",
        "epochs": 100,
        "thermal_init": "zero",
        "weights": "ultralytics",
    }
    assert paper["mosaic"] > 0, "ensure mosaic is enabled"


@pytest.mark.parametrize("preset", ["paper", "tiny"])
def test_the_progressive_schedule_freezes_for_longer_than_the_rate_rises(preset: str) -> None:
    settings = RECIPE.settings(preset, {}, "v1.1")
    assert settings.warmup_epochs < settings.unfreeze_epoch < settings.epochs - settings.close_mosaic


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"modality_drop": 0.1}, "unknown setting 'modality_drop'; did you mean 'modality_dropout'?"),
        ({"optimizer": "auto"}, "setting 'optimizer' is 'auto'; it must be 'SGD' or 'AdamW'"),
        ({"fusion": "late"}, "setting 'fusion' is 'late'; it must be 'concat', 'gated', 'attention' or 'two-stream'"),
        ({"freeze": 12}, "setting 'freeze' is 12; it must be at most 11"),
        ({"mixup": 1.2}, "setting 'mixup' is 1.2; it must be at most 1"),
        ({"image_size": 100}, "setting 'image_size' is 100; it must be a multiple of 32"),
        (
            {"modality": "rgb", "modality_dropout": 0.2},
            "modality_dropout blanks RGB, which is all that modality rgb has",
        ),
        ({"distill_weight": 6.0}, "distill_weight is the weight of a teacher's features, and there is none"),
    ],
)
def test_a_wrong_setting_is_one_sentence(overrides: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        RECIPE.settings("tiny", overrides)
    assert str(raised.value).startswith("rgbt: ")
    assert complaint in str(raised.value)


def test_importing_the_recipe_its_data_and_its_space_is_light() -> None:
    heavy = ("torch", "torchvision", "cv2", "sklearn", "ultralytics", "faster_coco_eval")
    code = (
        "import sys, spaces.rgbt, trainables.rgbt.recipe, trainables.rgbt.data, trainables.rgbt.export\n"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


class TestTheExport:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        changed = {"lr0": 0.00073, "beta1": 0.8, "freeze": 5, "l1": 2.5, "mixed_precision": True, "weights": "none"}
        RECIPE.export(RECIPE.settings("tiny", changed, "v1.1"), tmp_path)
        return tmp_path

    def test_is_accepted_by_ultralytics_own_configuration(self, folder: Path) -> None:
        with isolated(folder):
            from ultralytics.cfg import get_cfg
        read = get_cfg(cfg=folder / "train.yaml")
        given = {"lr0": 0.00073, "momentum": 0.8, "dfl": 2.5, "freeze": [1, 2, 3, 4], "optimizer": "AdamW"}
        assert vars(read).items() >= (given | {"imgsz": 96, "amp": "bf16", "nbs": 8, "warmup_bias_lr": 0.0}).items()

    def test_says_what_ultralytics_has_no_name_for(self, folder: Path) -> None:
        text = (folder / "train.yaml").read_text()
        assert "fusion=gated" in text
        assert "modality_dropout=0.2" in text
        assert RECIPE.settings("tiny", read_yaml(folder / "settings.yaml")).model_dump()["fusion"] == "gated"

    @pytest.mark.parametrize(
        ("weights", "pretrained"),
        [
            ("none", False),
            ("ultralytics", "yolo26t.pt"),
            ("own/weights.pt", "own/weights.pt"),
            ("own/epoch-0009", False),
        ],
    )
    def test_names_weights_that_ultralytics_can_read(self, weights: str, pretrained: str | bool) -> None:
        from trainables.rgbt.export import configuration, without_upstream_name

        settings = RECIPE.settings("tiny", {"weights": weights})
        assert configuration(settings)["pretrained"] == pretrained
        assert ("weights" in without_upstream_name(settings)) == (weights == "own/epoch-0009"), (
            "said at the head of the file"
        )

    @pytest.mark.parametrize(
        ("teacher", "named"),
        [("yolo26x", "yolo26x.pt"), ("/own/weights.pt", "/own/weights.pt"), ("/own/epoch-0009", None), ("none", None)],
    )
    def test_names_a_teacher_that_ultralytics_can_read(self, teacher: str, named: str | None) -> None:
        from trainables.rgbt.export import configuration, without_upstream_name

        taught = {"teacher": teacher, "distill_weight": 3.0} if teacher != "none" else {}
        settings = RECIPE.settings("tiny", taught)
        assert configuration(settings)["distill_model"] == named
        assert ("teacher" in without_upstream_name(settings)) == (teacher == "/own/epoch-0009"), (
            "said at the head of the file"
        )

    def test_names_the_layers_of_both_streams_that_are_frozen(self, tmp_path: Path) -> None:
        changes = {"fusion": "two-stream", "freeze": 3, "weights": "own/weights.pt"}
        RECIPE.export(RECIPE.settings("tiny", changes), tmp_path)
        written = yaml.safe_load((tmp_path / "train.yaml").read_text())
        assert (written["model"], written["freeze"]) == ("yolo26t-two-stream.yaml", [4, 5, 17, 18])
        assert written["pretrained"] is False, "Ultralytics would put one backbone's weights nowhere"
        assert len(read_yaml(tmp_path / "yolo26t-two-stream.yaml")["backbone"]) == 33

    def test_every_setting_is_ultralytics_or_ours(self) -> None:
        from trainables.rgbt.export import configuration, without_upstream_name

        class Recording(RgbtSettings):
            def __getattribute__(self, name: str) -> Any:
                read.add(name)
                return super().__getattribute__(name)

        read: set[str] = set()
        for optimizer in ("SGD", "AdamW"):
            taught = {"teacher": "yolo26x", "distill_weight": 6.0}
            settings = RECIPE.settings("tiny", {"optimizer": optimizer, "freeze": 5, **taught}).model_dump()
            recording = Recording.model_validate(settings)
            configuration(recording)
            without_upstream_name(recording)
        computed = {"channels_last", "tf32", "cudnn_benchmark", "batch_parts"}  # how a step is computed, not what it is
        assert RgbtSettings.model_fields.keys() - computed <= read

    @pytest.mark.e2e
    @pytest.mark.parametrize("fusion", ["concat", "two-stream"])
    def test_sets_up_ultralytics_own_trainer_with_four_channels(self, tmp_path: Path, fusion: str) -> None:
        """The document's V1 to V3 lost the fourth channel there. The data are the pairs, stacked."""
        from trainables.rgbt.data import open_rgbt
        from trainables.rgbt.stacked import stack

        with isolated(tmp_path):
            from ultralytics.models.yolo.detect import DetectionTrainer
        folder = tmp_path / "export"
        RECIPE.export(RECIPE.settings("tiny", {"workers": 0, "fusion": fusion}), folder)
        pairs = open_rgbt(write_rgbt(tmp_path / "pairs", train=8, val=4, size=64))
        stack(pairs, folder)
        given = yaml.safe_load((folder / "train.yaml").read_text())
        given |= {"model": str(folder / given["model"]), "data": str(folder / "data.yaml"), "plots": False}

        class Upstream(DetectionTrainer):  # type: ignore[misc]
            """Named so that no integration hooks itself in."""

        trainer = Upstream(overrides=given | {"project": str(tmp_path), "name": "run"})
        trainer._setup_train()
        filters = [trainer.model.model[number].conv.weight for number in ((0,) if fusion == "concat" else (3, 16))]
        assert sum(weight.shape[1] for weight in filters) == 4
        assert sum(value.numel() for value in trainer.model.parameters()) < 0.6e6
        planes = next(iter(trainer.train_loader))["img"]
        assert planes.shape[1] == 4
        first = pairs.train.samples[0].rgb
        assert trainer.args.lr0 == 4e-3
        assert first.exists()

    def test_stacked_pairs_arrive_in_our_order(self, tmp_path: Path) -> None:
        import cv2
        import numpy as np

        from trainables.rgbt.data import open_rgbt
        from trainables.rgbt.stacked import stack

        pairs = open_rgbt(write_rgbt(tmp_path / "pairs", train=2, val=2, size=64))
        stack(pairs, tmp_path / "stacked")
        read = cv2.imread(str(tmp_path / "stacked/images/train/000000.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.asarray(read), pairs.train.load(0, 64, False)[0])


def test_the_third_version_is_on_top_of_the_second() -> None:
    trainings = Rgbt().trainings
    assert trainings["v1.2"].items() >= trainings["v1.1"].items()
