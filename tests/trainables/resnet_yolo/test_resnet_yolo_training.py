"""resnet_yolo trains, resumes exactly, uses every setting, and says when it is lost."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.errors import CheckpointError
from trainables.recipe import Epoch
from trainables.resnet_yolo.data import YoloData
from trainables.resnet_yolo.recipe import ResnetYolo
from trainables.resnet_yolo.settings import ResnetYoloSettings

pytestmark = pytest.mark.e2e  # trains, for minutes

Small = Callable[..., ResnetYoloSettings]
AUGMENTED: dict[str, Any] = {"mosaic": 0.5, "flip": 0.5, "hsv": 0.5, "dropout": 0.2}


def curve(settings: ResnetYoloSettings, data: YoloData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    return ResnetYolo().train(settings, data, workdir, **resume)


def losses(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


def test_the_loss_falls_and_the_metric_rises(small: Small, digits: YoloData, tmp_path: Path) -> None:
    epochs = list(curve(small(epochs=8), digits, tmp_path))
    assert epochs[-1].losses["train"] < 0.6 * epochs[0].losses["train"]
    assert epochs[-1].losses["val"] < epochs[0].losses["val"]
    assert epochs[-1].metrics["map50_95"] > max(0.08, epochs[0].metrics["map50_95"])
    assert epochs[-1].metrics.keys() == {"map50_95", "map50", "map75", "map50_95/3", "map50_95/7"}
    assert epochs[-1].losses.keys() == {"train", "train/box", "train/cls", "val", "val/box", "val/cls"}
    assert [epoch.phase for epoch in epochs] == ["warmup"] * 2 + ["main"] * 6
    assert epochs[-1].seconds.keys() == {"data", "train", "evaluate"}


def test_three_epochs_and_three_resumed_are_six(small: Small, few_digits: YoloData, tmp_path: Path) -> None:
    settings = small(epochs=6, warmup_epochs=4, freeze_epochs=2, accumulation=3, **AUGMENTED)
    unbroken = losses(curve(settings, few_digits, tmp_path))
    epochs = curve(settings, few_digits, tmp_path)
    third = list(islice(epochs, 3))[-1]
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    third.save(checkpoint)
    assert losses(curve(settings, few_digits, tmp_path, resume=checkpoint)) == unbroken[3:]


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(
    small: Small, few_digits: YoloData, tmp_path: Path
) -> None:
    first, again, other = (
        losses(curve(small(epochs=2, seed=seed, **AUGMENTED), few_digits, tmp_path)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_trainings_that_take_turns_do_not_disturb_each_other(
    small: Small, few_digits: YoloData, tmp_path: Path
) -> None:
    settings = [small(epochs=3, **AUGMENTED), small(epochs=3, seed=5, lr=1e-3, mosaic=1.0)]
    alone = [losses(curve(chosen, few_digits, tmp_path)) for chosen in settings]
    turns = zip(*(curve(chosen, few_digits, tmp_path) for chosen in settings), strict=True)
    assert [list(of_training) for of_training in zip(*(losses(iter(turn)) for turn in turns), strict=True)] == alone


def test_batches_from_other_processes_are_as_reproducible(small: Small, few_digits: YoloData, tmp_path: Path) -> None:
    first, again = (losses(curve(small(epochs=1, workers=1, **AUGMENTED), few_digits, tmp_path)) for _ in range(2))
    assert first == again


CHANGES: dict[str, Any] = {
    "epochs": 6,
    "image_size": 96,
    "batch": 4,
    "accumulation": 2,
    "lr": 1e-3,
    "weight_decay": 0.5,
    "dropout": 0.5,
    "warmup_epochs": 1,
    "warmup_start": 0.9,
    "box_weight": 1.0,
    "cls_weight": 3.0,
    "focal_gamma": 0.0,
    "iou_start": 0.0,
    "iou_end": 0.9,
    "iou_ramp_epochs": 1,
    "clamp": False,
    "freeze_epochs": 1,
    "flip": 1.0,
    "hsv": 1.0,
    "mosaic": 1.0,
    "seed": 9,
    "mixed_precision": True,
    "widths": [8, 8, 8, 16],
    "blocks": [1, 2, 1, 1],
    "neck_channels": 16,
    "norm_momentum": 0.5,
    "score_threshold": 0.9,
}
Usual = Mapping[float, list[Mapping[str, float]]]
BASE: dict[str, Any] = {"epochs": 3, "warmup_epochs": 2}
USUAL_LR = 5e-3


@pytest.fixture(scope="module")
def usual(small: Small, few_digits: YoloData, tmp_path_factory: pytest.TempPathFactory) -> Usual:
    """What three epochs give without a change; for the clamp at a rate at which it bites."""
    workdir = tmp_path_factory.mktemp("usual")
    return {lr: losses(curve(small(**BASE, lr=lr), few_digits, workdir)) for lr in (USUAL_LR, 1.0)}


@pytest.mark.parametrize("name", CHANGES)
def test_each_setting_changes_what_comes_out(
    small: Small, name: str, few_digits: YoloData, tmp_path: Path, usual: Usual
) -> None:
    lr = 1.0 if name == "clamp" else USUAL_LR
    changed = small(**BASE | {"lr": lr} | {name: CHANGES[name]})
    assert losses(islice(curve(changed, few_digits, tmp_path), 3)) != usual[lr]


class Recording(ResnetYoloSettings):
    """Settings that note which of their fields are read."""

    def __getattribute__(self, name: str) -> Any:
        if name in type(self).__pydantic_fields__:
            READ.add(name)
        return super().__getattribute__(name)


READ: set[str] = set()


def test_no_field_is_there_for_nothing(small: Small, few_digits: YoloData, tmp_path: Path) -> None:
    settings = Recording.model_validate(small(epochs=2, **AUGMENTED).model_dump())
    READ.clear()
    losses(curve(settings, few_digits, tmp_path))
    assert sorted(READ) == sorted(ResnetYoloSettings.model_fields)


def test_a_rate_that_kills_the_weights_ends_in_an_alarm(small: Small, few_digits: YoloData, tmp_path: Path) -> None:
    epochs = list(curve(small(epochs=3, lr=1000.0, warmup_epochs=0, clamp=False), few_digits, tmp_path))
    alarms = [epoch.alarm for epoch in epochs if epoch.alarm]
    assert alarms
    assert alarms[0].reason == "nonfinite"


def test_predictions_that_are_no_numbers_are_scored_as_nothing(small: Small, few_digits: YoloData) -> None:
    from trainables.resnet_yolo.training import ResnetYoloTraining

    training = ResnetYoloTraining(small(), few_digits)
    with torch.no_grad():
        next(training.model.parameters()).fill_(math.nan)
    metrics, held_out = training.evaluate(1)
    assert metrics["map50_95"] == 0.0
    assert math.isnan(held_out["val"])


def test_the_backbone_stands_still_while_it_is_frozen(small: Small, few_digits: YoloData) -> None:
    from trainables.resnet_yolo.training import ResnetYoloTraining

    training = ResnetYoloTraining(small(freeze_epochs=1), few_digits)
    before = {name: value.clone() for name, value in training.state()["model"].items() if name.startswith("backbone.")}
    training.train_epoch(1)
    assert training.rates()["backbone"] == 0.0
    assert all(torch.equal(training.state()["model"][name], value) for name, value in before.items())
    training.train_epoch(2)
    assert training.rates()["backbone"] == training.rates()["head"] > 0
    assert not torch.equal(training.state()["model"]["backbone.conv1.weight"], before["backbone.conv1.weight"])


def test_the_optimizer_steps_once_for_accumulated_batches(small: Small, digits: YoloData) -> None:
    from trainables.resnet_yolo.training import ResnetYoloTraining

    steps = []
    for accumulation in (1, 4):
        training = ResnetYoloTraining(small(accumulation=accumulation), digits)
        counted = 0
        optimizer_step = training._optimizer.step

        def step(original: Any = optimizer_step) -> None:
            nonlocal counted
            counted += 1
            original()

        training._optimizer.step = step  # type: ignore[assignment,method-assign]
        training.train_epoch(1)
        steps.append(counted)
    assert steps == [8, 2]


@pytest.fixture(scope="module")
def saved(small: Small, few_digits: YoloData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint = tmp_path_factory.mktemp("checkpoint")
    next(curve(small(epochs=2), few_digits, checkpoint)).save(checkpoint)
    return checkpoint


class TestCheckpoint:
    def test_that_is_empty_is_refused(self, small: Small, few_digits: YoloData, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"holds no state\.pt"):
            next(curve(small(epochs=2), few_digits, tmp_path, resume=tmp_path))

    def test_that_is_cut_short_is_refused(
        self, small: Small, saved: Path, few_digits: YoloData, tmp_path: Path
    ) -> None:
        content = (saved / "state.pt").read_bytes()
        (tmp_path / "state.pt").write_bytes(content[: len(content) // 2])
        with pytest.raises(CheckpointError, match="is damaged or no checkpoint"):
            next(curve(small(epochs=2), few_digits, tmp_path, resume=tmp_path))

    @pytest.mark.parametrize(
        ("other", "change"),
        [({"lr": 1e-4}, "lr was"), ({"seed": 3}, "seed was .* and is 3;"), ({"epochs": 1}, "epochs was 2 and is 1;")],
    )
    def test_of_other_settings_is_refused_by_their_names(
        self, small: Small, other: dict[str, Any], change: str, saved: Path, few_digits: YoloData, tmp_path: Path
    ) -> None:
        with pytest.raises(CheckpointError, match=f"was trained with other settings: {change}"):
            next(curve(small(**{"epochs": 2} | other), few_digits, tmp_path, resume=saved))

    def test_without_its_settings_is_refused_by_what_its_weights_name(
        self, small: Small, saved: Path, few_digits: YoloData, tmp_path: Path
    ) -> None:
        shutil.copy(saved / "state.pt", tmp_path)
        with pytest.raises(CheckpointError, match=r"with other settings, and the settings\.yaml beside it"):
            next(curve(small(epochs=4), few_digits, tmp_path, resume=tmp_path))

    def test_may_get_more_epochs(self, small: Small, saved: Path, few_digits: YoloData, tmp_path: Path) -> None:
        """The schedules are those of the longer training from there on, as if it had been that long from the start."""
        epochs = list(curve(small(epochs=4), few_digits, tmp_path, resume=saved))
        assert [epoch.epoch for epoch in epochs] == [2, 3, 4]
        (tmp_path / "last").mkdir()
        epochs[-1].save(tmp_path / "last")
        assert not list(curve(small(epochs=4), few_digits, tmp_path, resume=tmp_path / "last"))

    def test_may_go_on_elsewhere(self, small: Small, saved: Path, few_digits: YoloData, tmp_path: Path) -> None:
        assert next(curve(small(epochs=2, device="auto"), few_digits, tmp_path, resume=saved)).epoch == 2


def test_nothing_is_written_outside_the_workdir(
    small: Small, digits: YoloData, digits_yaml: Path, tmp_path: Path
) -> None:
    before = sorted(digits_yaml.parent.rglob("*"))
    next(curve(small(epochs=1), digits, tmp_path))
    assert sorted(digits_yaml.parent.rglob("*")) == before


def test_the_paper_preset_takes_a_real_step(few_digits: YoloData, tmp_path: Path) -> None:
    """ResNet-18 at 640 pixels, on one image: about 3 s. Only the weights, which need a network, are left out."""
    from trainables.resnet_yolo.training import ResnetYoloTraining

    overrides = {"weights": "none", "device": "cpu", "workers": 0, "batch": 1, "accumulation": 1}
    settings = ResnetYolo().settings("paper", overrides, "fixed")
    training = ResnetYoloTraining(settings, few_digits)
    assert 11.1e6 < sum(value.numel() for value in training._detector.backbone.parameters()) < 11.2e6
    before = training.model.state_dict()["backbone.conv1.weight"].clone()
    pixels, targets = next(iter(training._train))
    losses = training._losses(training._forward(pixels), targets, 0.25)
    losses.total.backward()  # type: ignore[no-untyped-call]
    training._step(1)
    assert pixels.shape == (1, 3, 640, 640)
    assert math.isfinite(float(losses.total.detach()))
    assert not torch.equal(training.model.state_dict()["backbone.conv1.weight"], before)
