"""yolox trains, resumes exactly, uses every setting, keeps frozen parts as they are, and says when it is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.errors import CheckpointError
from trainables.recipe import Epoch
from trainables.samples.coco_digits import write_coco
from trainables.yolox.data import CocoData, open_coco
from trainables.yolox.recipe import Yolox
from trainables.yolox.settings import YoloxSettings

pytestmark = pytest.mark.e2e  # trains, for minutes

SMALL: dict[str, Any] = {
    "input_size": [64, 64],
    "batch": 4,
    "epochs": 2,
    "warmup_epochs": 1,
    "no_aug_epochs": 1,
    "weights": "none",
    "freeze": "none",
    "lr_scale": 800.0,
    "hsv_prob": 0.5,
    "mosaic_prob": 0.5,
    "mixup_prob": 0.5,
    "flip_prob": 0.5,
}
"""Smaller than the tiny preset: an epoch of sixteen pictures in a fraction of a second."""


def small(**settings: Any) -> YoloxSettings:
    return Yolox().settings("tiny", SMALL | settings)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> CocoData:
    """Enough to see that something changes, not to learn."""
    return open_coco(write_coco(tmp_path_factory.mktemp("samples") / "few", train=12, val=4, size=64))


def curve(settings: YoloxSettings, data: CocoData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    return Yolox().train(settings, data, workdir, **resume)


def losses(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


def training(data: CocoData, **settings: Any) -> Any:
    from trainables.yolox.training import YoloxTraining

    return YoloxTraining(small(**settings), data)


def test_the_frozen_digits_backbone_is_found_and_a_new_head_learns_on_it(tmp_path: Path) -> None:
    data = open_coco(write_coco(tmp_path / "digits", train=64, val=24))
    settings = Yolox().settings("tiny", {"epochs": 4, "warmup_epochs": 1, "no_aug_epochs": 2})
    epochs = list(Yolox().train(settings, data, tmp_path))
    assert epochs[-1].losses["val"] < 0.8 * epochs[0].losses["val"]
    assert epochs[-1].metrics["map50"] > max(0.1, epochs[0].metrics["map50"])
    assert epochs[-1].metrics.keys() == {"map50_95", "map50", "map75", "map50_95/3", "map50_95/7", "map50_95/8"}
    parts = {"", "/iou", "/conf", "/cls", "/l1"}
    held_out = {f"val{part}" for part in parts - {"/l1"}}  # which only the last epochs of a training have
    assert epochs[-1].losses.keys() == {f"train{part}" for part in parts} | held_out
    assert [epoch.phase for epoch in epochs] == ["warmup", "main", "finetune", "finetune"]
    assert [epoch.losses["train/l1"] > 0 for epoch in epochs] == [False, False, True, True]
    assert epochs[-1].rates.keys() == {"norm", "weights", "bias"}


def test_three_epochs_and_three_resumed_are_six(few: CocoData, tmp_path: Path) -> None:
    settings = small(epochs=6, warmup_epochs=2, no_aug_epochs=2)
    unbroken = losses(curve(settings, few, tmp_path))
    third = list(islice(curve(settings, few, tmp_path), 3))[-1]
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    third.save(checkpoint)
    assert losses(curve(settings, few, tmp_path, resume=checkpoint)) == unbroken[3:]


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(few: CocoData, tmp_path: Path) -> None:
    first, again, other = (losses(curve(small(seed=seed), few, tmp_path)) for seed in (1, 1, 2))
    assert first == again != other


def test_trainings_that_take_turns_do_not_disturb_each_other(few: CocoData, tmp_path: Path) -> None:
    settings = [small(), small(seed=5, lr=1e-4, mosaic_prob=1.0, freeze="backbone")]
    alone = [losses(curve(chosen, few, tmp_path)) for chosen in settings]
    turns = zip(*(curve(chosen, few, tmp_path) for chosen in settings), strict=True)
    assert [list(of_training) for of_training in zip(*(losses(iter(turn)) for turn in turns), strict=True)] == alone


CHANGES: dict[str, Any] = {
    "epochs": 5,
    "input_size": [96, 64],
    "batch": 3,
    "lr": 1e-4,
    "lr_scale": 100.0,
    "momentum": 0.1,
    "weight_decay": 0.5,
    "schedule": "yoloxwarmcos",
    "warmup_epochs": 0,
    "min_lr_ratio": 0.9,
    "no_aug_epochs": 0,
    "mosaic_prob": 1.0,
    "mixup_prob": 1.0,
    "hsv_prob": 1.0,
    "flip_prob": 1.0,
    "degrees": 90.0,
    "translate": 0.5,
    "shear": 20.0,
    "scale_min": 0.9,
    "scale_max": 1.1,
    "freeze": "backbone",
    "reg_weight": 1.0,
    "conf_weight": 3.0,
    "cls_weight": 3.0,
    "l1_weight": 3.0,
    "ema": False,
    "depth": 0.67,
    "width": 0.25,
    "norm_momentum": 0.5,
    "score_threshold": 0.9,
    "nms_threshold": 0.0,
    "seed": 9,
    "mixed_precision": True,
    "batch_parts": 3,
}
BASE: dict[str, Any] = {"mosaic_prob": 0.9}


@pytest.fixture(scope="module")
def usual(few: CocoData, tmp_path_factory: pytest.TempPathFactory) -> list[Mapping[str, float]]:
    return losses(curve(small(**BASE), few, tmp_path_factory.mktemp("usual")))


@pytest.mark.parametrize("name", CHANGES)
def test_each_setting_changes_what_comes_out(
    name: str, few: CocoData, tmp_path: Path, usual: list[Mapping[str, float]]
) -> None:
    changed = losses(islice(curve(small(**BASE | {name: CHANGES[name]}), few, tmp_path), 2))
    if name in ("score_threshold", "nms_threshold"):  # an untrained model scores 0 either way
        assert counts(training(few)) > counts(training(few, **{name: CHANGES[name]}))
    else:
        assert changed != usual


def counts(training: Any) -> int:
    """Detections of an untrained model on a field of dots, before the limit of COCO."""
    raw = torch.zeros(1, 200, 5 + 3)
    raw[0, :, 0] = torch.linspace(0, 64, 200)
    raw[0, :, 1:4] = 16.0
    raw[0, :, 4:] = 0.6
    return sum(len(detections.scores) for detections in training._detections(raw, [0]))


def test_the_input_size_varies_by_multiscale_alone(few: CocoData) -> None:
    multiscale_training = training(few, input_size=[256, 448], multiscale=0.25)
    sizes = {multiscale_training._size_at(step) for step in range(0, 2000, 10)}
    assert {height for height, _ in sizes} == {192, 224, 256, 288, 320}
    assert (192, 320) in sizes
    assert {training(few)._size_at(step) for step in range(0, 50, 10)} == {(64, 64)}


def test_no_input_is_smaller_than_a_setting_may_be(few: CocoData) -> None:
    """At 32 pixels the last maps have one value each, of which batch-norm has no deviation in a batch of one."""
    smallest = training(few, input_size=[64, 64], multiscale=0.5)
    assert {smallest._size_at(step) for step in range(0, 2000, 10)} == {(64, 64), (96, 96)}


def test_the_input_size_varies_where_epochs_have_few_steps_too(few: CocoData) -> None:
    """Every ten steps, whatever an epoch has; and a training that goes on has the sizes that it would have had."""

    def heights(epochs: range) -> list[int]:
        resized = training(few, input_size=[128, 128], multiscale=0.5, epochs=5, seed=1)
        of_steps: list[int] = []
        resized.model.register_forward_pre_hook(lambda _, inputs: of_steps.append(inputs[0].shape[2]))
        for epoch in epochs:
            resized.train_epoch(epoch)
        return of_steps

    uninterrupted = heights(range(1, 6))
    assert len(uninterrupted) == 15
    assert set(uninterrupted[:10]) == {128}
    assert len(set(uninterrupted[10:])) == 1
    assert uninterrupted[10] != 128
    assert heights(range(5, 6)) == uninterrupted[12:]


@pytest.mark.parametrize(("freeze", "still"), [("backbone", "backbone.backbone."), ("backbone+neck", "backbone.")])
def test_frozen_parts_keep_weights_and_statistics(freeze: str, still: str, few: CocoData) -> None:
    frozen = training(few, freeze=freeze, warmup_epochs=0)
    before = {name: value.clone() for name, value in frozen.model.state_dict().items()}
    frozen.train_epoch(1)
    for name, value in frozen.model.state_dict().items():
        is_same = torch.equal(value, before[name])
        assert is_same or not name.startswith(still), name
    assert not torch.equal(frozen.model.state_dict()["head.stems.0.conv.weight"], before["head.stems.0.conv.weight"])


def test_the_box_loss_is_upstreams_at_five_and_scales_from_there(few: CocoData) -> None:
    pixels, targets, _, _ = next(iter(training(few)._train))
    parts = []
    for weight in (5.0, 10.0):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = training(few, reg_weight=weight).model.train()
            parts.append({name: float(value) for name, value in model(pixels, targets).items()})
    assert parts[1]["iou_loss"] == pytest.approx(2 * parts[0]["iou_loss"])
    assert parts[1]["total_loss"] == pytest.approx(parts[0]["total_loss"] + parts[0]["iou_loss"])
    assert parts[0]["total_loss"] == pytest.approx(sum(parts[0][f"{name}_loss"] for name in ("iou", "conf", "cls")))


def test_the_moving_average_is_upstreams_to_the_last_bit(few: CocoData) -> None:
    from yolox.utils import ModelEMA

    from trainables.yolox.average import DECAY, MovingAverage

    model = training(few).model
    ours, theirs = MovingAverage(model), ModelEMA(model, DECAY)
    for _ in range(3):
        with torch.no_grad():
            for value in model.parameters():
                value += torch.randn_like(value)
        ours.update(model)
        theirs.update(model)
    assert ours.updates == theirs.updates
    assert all(
        torch.equal(*values)
        for values in zip(*(average.ema.state_dict().values() for average in (ours, theirs)), strict=True)
    )


def test_the_documents_learning_rate_has_three_phases() -> None:
    """3 epochs up to 3e-4, 19 down to 1e-4, 8 down to 3e-5: the YOLOX stability report (document 001), stable V3."""
    from trainables.yolox.experiment import ThreePhases

    rate = ThreePhases(3e-4, 650, epochs=30, warmup=3, finetune=8, least=0.1).update_lr
    assert rate(0) == 0.0
    assert rate(3 * 650) == pytest.approx(3e-4)
    assert rate(22 * 650) == pytest.approx(1e-4)
    assert rate(30 * 650) == pytest.approx(3e-5)
    rates = [rate(step) for step in range(3 * 650, 30 * 650)]
    assert rates == sorted(rates, reverse=True)


def test_a_rate_that_kills_it_ends_in_an_alarm(few: CocoData, tmp_path: Path) -> None:
    epochs = list(curve(small(epochs=4, lr=1000.0, lr_scale=1e6, warmup_epochs=0), few, tmp_path))
    alarms = [epoch.alarm for epoch in epochs if epoch.alarm]
    assert alarms
    assert alarms[0].reason == "nonfinite"


class TestWeights:
    def test_that_are_not_there_are_asked_for(self, few: CocoData) -> None:
        with pytest.raises(CheckpointError, match=r"weights nowhere\.pth: no such file; give a YOLOX checkpoint"):
            training(few, weights="nowhere.pth")

    def test_of_another_size_are_refused(self, few: CocoData) -> None:
        with pytest.raises(CheckpointError, match=r"weights digits: .* but the model has"):
            training(few, weights="digits", width=0.25)

    def test_may_be_upstreams_checkpoint(self, few: CocoData, tmp_path: Path) -> None:
        state = training(few, seed=3).model.state_dict()
        torch.save({"model": state}, tmp_path / "yolox.pth")
        loaded = training(few, weights=str(tmp_path / "yolox.pth")).model.state_dict()
        name = "backbone.backbone.stem.conv.conv.weight"
        assert torch.equal(loaded[name], state[name])
        assert not torch.equal(loaded["head.stems.0.conv.weight"], state["head.stems.0.conv.weight"])

    def test_that_are_not_finite_are_refused(self, few: CocoData, tmp_path: Path) -> None:
        state = training(few).model.state_dict()
        state["backbone.backbone.stem.conv.bn.running_var"][0] = math.inf
        torch.save({"model": state}, tmp_path / "yolox.pth")
        with pytest.raises(CheckpointError, match=r"backbone\.backbone\.stem\.conv\.bn\.running_var is not finite"):
            training(few, weights=str(tmp_path / "yolox.pth"))

    def test_that_are_something_else_are_refused(self, few: CocoData, tmp_path: Path) -> None:
        torch.save({"head.stem": torch.zeros(1)}, tmp_path / "other.pth")
        with pytest.raises(CheckpointError, match=r"holds no backbone\.\* weights"):
            training(few, weights=str(tmp_path / "other.pth"))


def test_nothing_is_written_outside_the_workdir(few: CocoData, tmp_path: Path) -> None:
    root = few.train[0].path.parent.parent
    before = sorted(root.rglob("*"))
    next(curve(small(epochs=1), few, tmp_path))
    assert sorted(root.rglob("*")) == before
