"""slowfast's presets, named trainings, settings, space and export."""

from __future__ import annotations

import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from spaces import registry
from spaces.slowfast import space
from spaces.space import drawn, ranges
from trainables.errors import SettingsError
from trainables.settings import read_yaml
from trainables.slowfast.recipe import Slowfast
from trainables.slowfast.training import FLOOR, new_network

RECIPE = Slowfast()


@pytest.mark.parametrize("preset", ["paper", "tiny"])
@pytest.mark.parametrize("training", [None, "thermal", "balanced", "weighted", "slow-only", "x3d"])
def test_every_preset_takes_every_training(preset: str, training: str | None) -> None:
    settings = RECIPE.settings(preset, {}, training)
    assert set(RECIPE.presets[preset]) == set(type(settings).model_fields), "a preset gives every value"


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"drop": 0.5}, "unknown setting 'drop'; did you mean 'dropout'?"),
        ({"lr": 0}, "setting 'lr' is 0; it must be greater than 0"),
        ({"loss": "hinge"}, "setting 'loss' is 'hinge'"),
        ({"depth": 34}, "setting 'depth' is 34"),
        ({"frames": 15}, "frames 15 is no multiple of alpha 4; make it one"),
        ({"dropout": 1.0}, "setting 'dropout' is 1.0; it must be less than 1"),
    ],
)
def test_a_wrong_setting_is_one_sentence(overrides: Mapping[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        RECIPE.settings("tiny", overrides)
    assert str(raised.value).startswith("slowfast: ")
    assert complaint in str(raised.value)


def exported(folder: Path, **settings: Any) -> dict[str, Any]:
    """The names in the configuration of a paper training with `settings`."""
    return runpy.run_path(str(RECIPE.export(RECIPE.settings("paper", settings), folder)[0]))


def test_the_export_loads_as_python_with_the_documents_values(tmp_path: Path) -> None:
    values = exported(tmp_path)
    backbone, head = values["model"]["backbone"], values["model"]["cls_head"]
    assert backbone["type"] == "ResNet3dSlowFast"
    assert (backbone["slow_pathway"]["base_channels"], backbone["fast_pathway"]["base_channels"]) == (64, 8)
    assert (head["dropout_ratio"], head["in_channels"]) == (0.8, 2304)
    assert values["train_dataloader"]["batch_size"] == 4
    assert values["optim_wrapper"]["optimizer"]["lr"] == 0.00125
    assert values["optim_wrapper"]["paramwise_cfg"]["custom_keys"]["backbone"]["lr_mult"] == 0.1
    steps = {step["type"]: step for step in values["train_dataloader"]["dataset"]["pipeline"]}
    assert steps["RandomResizedCrop"]["area_range"] == (0.7, 1.0)
    assert steps["RandomErasing"]["erase_prob"] == 0.25
    assert (steps["ColorJitter"]["brightness"], steps["ColorJitter"]["contrast"]) == (0.3, 0.3)
    assert steps["Resize"]["scale"] == (384, 256)
    settings = RECIPE.settings("paper", {})
    assert RECIPE.settings("tiny", read_yaml(tmp_path / "settings.yaml")) == settings


def test_slow_only_is_exported_as_mmaction2_calls_it(tmp_path: Path) -> None:
    values = exported(tmp_path, model="slow")
    assert (tmp_path / "slowonly_thermal_finetuning.py").is_file()
    backbone, head = values["model"]["backbone"], values["model"]["cls_head"]
    assert (backbone["type"], backbone["lateral"], backbone["inflate"]) == ("ResNet3dSlowOnly", False, (0, 0, 1, 1))
    assert (backbone["depth"], backbone["base_channels"], backbone["conv1_kernel"]) == (50, 64, (1, 7, 7))
    assert (head["type"], head["in_channels"], head["dropout_ratio"]) == ("I3DHead", 2048, 0.8)
    first = values["train_dataloader"]["dataset"]["pipeline"][0]
    assert (first["clip_len"], first["frame_interval"]) == (8, 8)
    assert "the frames of a clip / 64 * 8" in values["__doc__"]


def test_x3d_is_exported_with_a_word_on_what_mmaction2_has_of_it(tmp_path: Path) -> None:
    values = exported(tmp_path, model="x3d", frames=16, stem_width=24)
    backbone, head = values["model"]["backbone"], values["model"]["cls_head"]
    assert (backbone["type"], backbone["gamma_w"], backbone["gamma_b"], backbone["gamma_d"]) == ("X3D", 1.0, 2.25, 2.2)
    assert backbone["norm_eval"] is False, "MMAction2's own default does not train the batch-norms"
    assert (head["type"], head["in_channels"], head["fc1_bias"]) == ("X3DHead", 432, False)
    assert "MMAction2's own X3D configurations are for tests alone" in values["__doc__"]


def test_the_exported_network_has_pytorchvideos_lateral_convolutions(tmp_path: Path) -> None:
    """MMAction2's own have no batch-norm. The bench slowfast_in_mmaction2 compares the outputs."""
    for kernel in (5, 7):
        slow = exported(tmp_path, fusion_kernel=kernel)["model"]["backbone"]["slow_pathway"]
        network = new_network(RECIPE.settings("tiny", {"fusion_kernel": kernel}), 2)
        lateral = network.network.get_submodule("blocks.0.multipathway_fusion")
        kernels = [module.kernel_size[0] for module in lateral.modules() if isinstance(module, torch.nn.Conv3d)]
        assert kernels == [slow["fusion_kernel"]] == [kernel]
    assert slow["lateral_norm"] is True
    assert slow["norm_cfg"]["momentum"] == 0.1


def test_the_exported_rates_begin_and_end_as_the_trainings(tmp_path: Path) -> None:
    line, cosine = exported(tmp_path)["param_scheduler"]
    assert (line["type"], line["begin"], line["end"]) == ("LinearLR", 0, 10)
    assert 0 < line["start_factor"] <= 1e-3, "MMEngine's own is a third, and it divides by it"
    assert (cosine["begin"], cosine["end"], cosine["eta_min_ratio"]) == (10, 100, FLOOR)
    assert line["convert_to_iter_based"]
    assert cosine["convert_to_iter_based"]


def test_an_export_without_warm_up_has_no_line_of_length_0(tmp_path: Path) -> None:
    """MMEngine refuses a schedule whose end is not after its begin."""
    (cosine,) = exported(tmp_path, warmup_epochs=0)["param_scheduler"]
    assert (cosine["type"], cosine["begin"], cosine["end"]) == ("CosineAnnealingLR", 0, 100)
    (line,) = exported(tmp_path, warmup_epochs=10, epochs=10)["param_scheduler"]
    assert (line["type"], line["end"]) == ("LinearLR", 10)


def test_an_exported_focal_loss_is_registered_by_a_file_beside_it(tmp_path: Path) -> None:
    """MMAction2 has no softmax focal loss; its CBFocalLoss is another one."""
    values = exported(tmp_path, loss="focal", focal_gamma=1.5)
    loss = values["model"]["cls_head"]["loss_cls"]
    assert (loss["type"], loss["gamma"]) == ("SoftmaxFocalLoss", 1.5)
    (module,) = values["custom_imports"]["imports"]
    text = (tmp_path / f"{module}.py").read_text()
    compile(text, module, "exec")
    assert "@MODELS.register_module()\nclass SoftmaxFocalLoss(" in text


def test_an_export_cannot_train_without_the_class_weights_it_needs(tmp_path: Path) -> None:
    """torch refuses an empty list of weights, so nobody trains unweighted without noticing."""
    values = exported(tmp_path, loss="weighted")
    assert values["model"]["cls_head"]["loss_cls"] == {"type": "CrossEntropyLoss", "class_weight": []}
    assert "class_weight" in str(values["__doc__"])


def test_an_export_says_how_its_frames_are_spread_over_longer_clips(tmp_path: Path) -> None:
    """Training spreads them evenly over a clip; MMAction2's SampleFrames takes them in a row unless told otherwise."""
    values = exported(tmp_path, frames=16, alpha=4)
    assert values["train_dataloader"]["dataset"]["pipeline"][0]["clip_len"] == 16
    assert "`frame_interval` of both `SampleFrames`: the frames of a clip / 16" in " ".join(values["__doc__"].split())


def test_an_export_evaluates_and_stops_as_the_document(tmp_path: Path) -> None:
    values = exported(tmp_path)
    held_out = [step["type"] for step in values["val_dataloader"]["dataset"]["pipeline"]]
    assert held_out == ["SampleFrames", "Resize", "FormatShape", "PackActionInputs"]
    assert values["val_evaluator"] == {"type": "AccMetric"}
    assert values["default_hooks"]["checkpoint"]["save_best"] == "acc/mean1"
    (hook,) = values["custom_hooks"]
    assert (hook["type"], hook["monitor"], hook["patience"]) == ("EarlyStoppingHook", "acc/mean1", 20)


class Hypothesis:
    """A trial whose every answer hypothesis chooses, the ends of the ranges among them."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._data.draw(st.floats(low, high), label=name)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._data.draw(st.integers(low, high), label=name)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._data.draw(st.sampled_from(choices), label=name)


@given(st.data())
@examples(max_examples=60, deadline=None)
def test_whatever_is_drawn_is_a_valid_training_of_every_preset(data: st.DataObject) -> None:
    values = drawn(space, Hypothesis(data), {})
    for preset in RECIPE.presets:
        assert RECIPE.settings(preset, values, "thermal").model_dump().items() >= values.items()
    assert ("focal_gamma" in values) == (values["loss"] == "focal")


def test_it_is_found_for_its_recipe() -> None:
    assert ranges(space)["focal_gamma"].when == "loss is focal"
    assert registry.find(RECIPE) is space
