"""slowfast trains, resumes exactly, and uses every setting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trainables.errors import CheckpointError
from trainables.recipe import Epoch
from trainables.samples.thermal_clips import write_thermal
from trainables.slowfast.data import Clips, ThermalData, open_thermal
from trainables.slowfast.recipe import Slowfast
from trainables.slowfast.settings import SlowfastSettings

pytestmark = pytest.mark.e2e  # trains, for minutes

SMALL: dict[str, Any] = {
    "epochs": 2,
    "frames": 8,
    "input_size": [16, 24],
    "stem_width": 8,
    "batch": 4,
    "flip": 0.5,
    "erasing": 0.5,
}


def small(**settings: Any) -> SlowfastSettings:
    return Slowfast().settings("tiny", SMALL | settings)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> ThermalData:
    return open_thermal(write_thermal(tmp_path_factory.mktemp("samples") / "few", train=16, val=8))


def curve(settings: SlowfastSettings, data: ThermalData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    return Slowfast().train(settings, data, workdir, **resume)


def losses(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


def training(data: ThermalData, **settings: Any) -> Any:
    from trainables.slowfast.training import SlowfastTraining

    return SlowfastTraining(small(**settings), data)


def test_three_epochs_and_three_resumed_are_six(few: ThermalData, tmp_path: Path) -> None:
    settings = small(epochs=6, sampling="balanced", loss="focal")
    unbroken = losses(curve(settings, few, tmp_path))
    third = list(islice(curve(settings, few, tmp_path), 3))[-1]
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    third.save(checkpoint)
    assert losses(curve(settings, few, tmp_path, resume=checkpoint)) == unbroken[3:]


@pytest.mark.parametrize("parts", [2, 3])
def test_a_batch_in_parts_trains_as_the_whole(parts: int, few: ThermalData, tmp_path: Path) -> None:
    """With all blocks frozen, so that no batch-norm takes the statistics of a part."""
    frozen: dict[str, Any] = {"freeze": 5, "dropout": 0.0, "erasing": 0.0, "epochs": 2}
    whole, split = (list(curve(small(**frozen, batch_parts=count), few, tmp_path)) for count in (1, parts))
    assert [len(epoch.steps) for epoch in split] == [4, 4]
    for epoch, split_epoch in zip(whole, split, strict=True):
        assert split_epoch.losses == pytest.approx(epoch.losses, rel=1e-5)


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(few: ThermalData, tmp_path: Path) -> None:
    first, again, other = (losses(curve(small(seed=seed), few, tmp_path)) for seed in (1, 1, 2))
    assert first == again != other


def test_trainings_that_take_turns_do_not_disturb_each_other(few: ThermalData, tmp_path: Path) -> None:
    given = [small(), small(seed=5, sampling="balanced", loss="focal", depth=50, batch=8, optimizer="sgd", freeze=1)]
    alone = [losses(curve(chosen, few, tmp_path)) for chosen in given]
    turns = zip(*(curve(chosen, few, tmp_path) for chosen in given), strict=True)
    assert [list(of_training) for of_training in zip(*(losses(iter(turn)) for turn in turns), strict=True)] == alone
    assert alone[0] != alone[1]


def test_what_an_epoch_tells(few: ThermalData, tmp_path: Path) -> None:
    epoch = next(curve(small(warmup_epochs=1), few, tmp_path))
    assert {"mean_class_accuracy", "top1", "top5", "accuracy/standing"} <= epoch.metrics.keys()
    assert epoch.losses.keys() == {"train", "val"}
    assert epoch.rates.keys() == {"backbone", "head"}
    assert epoch.seconds.keys() == {"data", "train", "evaluate"}
    assert epoch.phase == "warmup"


def test_an_evaluation_also_tells_what_was_taken_for_what(few: ThermalData, tmp_path: Path) -> None:
    epoch = next(curve(small(), few, tmp_path))
    epoch.save(tmp_path)
    metrics = dict(Slowfast().evaluate(small(), few, tmp_path, tmp_path))
    taken = {name: metrics.pop(name) for name in list(metrics) if name.startswith("confusion/")}
    assert metrics == {**epoch.metrics, "val": epoch.losses["val"]}
    assert sum(taken.values()) == len(few.val.labels)
    right = sum(taken.get(f"confusion/{name}/{name}", 0) for name in few.names)
    assert right / len(few.val.labels) == epoch.metrics["top1"]


def test_a_weighted_held_out_loss_is_a_number_where_the_training_split_lacks_a_class(few: ThermalData) -> None:
    of_other_classes = few.train.labels != few.val.labels[0]
    data = replace(few, train=Clips(few.train.frames[of_other_classes], few.train.labels[of_other_classes]))
    _, held_out = training(data, loss="weighted", batch=1).evaluate(1)  # one batch holds that class alone
    assert math.isfinite(held_out["val"])


def test_nothing_is_written_at_all(few: ThermalData, tmp_path: Path) -> None:
    next(curve(small(), few, tmp_path))
    assert list(tmp_path.iterdir()) == []


CHANGES: dict[str, Any] = {
    "epochs": 5,
    "input_size": [24, 24],
    "frames": 16,
    "alpha": 2,
    "batch": 8,
    "optimizer": "sgd",
    "lr": 1e-4,
    "backbone_lr_ratio": 0.1,
    "momentum": 0.1,
    "weight_decay": 0.9,
    "warmup_epochs": 0,
    "dropout": 0.8,
    "crop_scale_min": 1.0,
    "flip": 1.0,
    "jitter": 0.5,
    "erasing": 1.0,
    "sampling": "balanced",
    "loss": "weighted",
    "focal_gamma": 0.5,
    "label_smoothing": 0.2,
    "freeze": 2,
    "depth": 50,
    "model": "slow",
    "x3d_depth": 1.0,
    "stem_width": 16,
    "reduction": 8,
    "fusion_kernel": 5,
    "norm_momentum": 0.5,
    "seed": 9,
    "mixed_precision": True,
    "batch_parts": 3,
}


BESIDE: dict[str, dict[str, Any]] = {"focal_gamma": {"loss": "focal"}, "x3d_depth": {"model": "x3d", "x3d_depth": 0.5}}
"""Settings under which another one does something."""


@pytest.fixture(scope="module")
def usual(few: ThermalData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Mapping[str, float]]]:
    workdir = tmp_path_factory.mktemp("usual")
    usual = {name: losses(curve(small(**values), few, workdir)) for name, values in BESIDE.items()}
    return usual | {"": losses(curve(small(loss="ce"), few, workdir))}


@pytest.mark.parametrize("name", CHANGES)
def test_each_setting_changes_what_comes_out(
    name: str, few: ThermalData, tmp_path: Path, usual: dict[str, list[Mapping[str, float]]]
) -> None:
    changed = small(**BESIDE.get(name, {"loss": "ce"}) | {name: CHANGES[name]})
    assert losses(islice(curve(changed, few, tmp_path), 2)) != usual[name if name in BESIDE else ""]


def test_the_backbone_learns_at_its_own_rate(few: ThermalData) -> None:
    slow_backbone = training(few, backbone_lr_ratio=0.1, warmup_epochs=0)
    slow_backbone._set_rate(0.0)
    assert slow_backbone.rates() == {"backbone": pytest.approx(2e-4), "head": pytest.approx(2e-3)}


def test_frozen_blocks_keep_weights_and_statistics(few: ThermalData) -> None:
    frozen = training(few, freeze=2)
    before = {name: value.clone() for name, value in frozen.model.state_dict().items()}
    frozen.train_epoch(1)
    changed = {
        name.split(".")[2] for name, value in frozen.model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"2", "3", "4", "6"}


def test_balanced_sampling_shows_each_class_as_often(few: ThermalData) -> None:
    loader = training(few, sampling="balanced")._train
    torch.manual_seed(0)
    seen = np.concatenate([np.asarray(classes) for _ in range(40) for _, classes in loader])
    assert np.bincount(seen, minlength=6).min() > 0.7 * len(seen) / 6


def test_weights_that_are_not_there_are_asked_for(few: ThermalData) -> None:
    with pytest.raises(CheckpointError, match=r"weights nowhere\.pth: no such file"):
        training(few, weights="nowhere.pth")


def test_weights_of_a_file_fill_all_but_the_projection(few: ThermalData, tmp_path: Path) -> None:
    state = training(few, seed=3).model.network.state_dict()
    torch.save({"model_state": state}, tmp_path / "slowfast.pth")
    loaded = training(few, weights=str(tmp_path / "slowfast.pth")).model.network.state_dict()
    equal = {name for name, value in loaded.items() if torch.equal(value, state[name])}
    assert loaded.keys() - equal == {"blocks.6.proj.weight"}  # its bias is 0 in both


def test_the_paper_preset_takes_a_real_step(tmp_path: Path) -> None:
    """SlowFast R50 on 64 frames of 256 x 384, one clip: a minute, 4.6 GB. Only the weights are left out."""
    clip = open_thermal(write_thermal(tmp_path / "clip", train=1, val=1))
    settings = Slowfast().settings("paper", {"weights": "none", "device": "cpu", "workers": 0, "batch": 1}, "thermal")
    from trainables.slowfast.training import SlowfastTraining

    built = SlowfastTraining(settings, clip)
    (clips, _) = next(iter(built._train))
    assert clips.shape == (1, 3, 64, 256, 384)
    before = built.model.network.blocks[6].proj.weight.clone()  # type: ignore[union-attr, index]
    epoch_losses, _ = built.train_epoch(1)
    assert epoch_losses["train"] > 0
    assert not torch.equal(built.model.network.blocks[6].proj.weight, before)  # type: ignore[union-attr, index]
    assert built.rates()["head"] == pytest.approx(10 * built.rates()["backbone"])
