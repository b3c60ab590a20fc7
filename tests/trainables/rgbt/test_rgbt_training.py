"""rgbt trains, resumes exactly, uses every setting, and says when the thermal plane is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.recipe import Epoch
from trainables.rgbt.data import RgbtData, open_rgbt
from trainables.rgbt.recipe import Rgbt
from trainables.rgbt.settings import RgbtSettings
from trainables.samples.thermal_pairs import write_rgbt
from trainables.ultralytics_import import isolated

pytestmark = pytest.mark.e2e  # trains, for minutes

AUGMENTED: dict[str, Any] = {
    **{"mosaic": 0.5, "mixup": 0.3, "cutmix": 0.3, "fliplr": 0.5, "hsv": 0.7, "modality_dropout": 0.3},
    **{"translate": 0.1, "scale": 0.3, "multi_scale": 0.5, "fusion": "gated"},
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> RgbtData:
    """Enough to see that something changes, not to learn."""
    return open_rgbt(write_rgbt(tmp_path_factory.mktemp("pairs") / "pairs", train=8, val=4, size=64))


def settings(**changes: Any) -> RgbtSettings:
    return Rgbt().settings("tiny", {"image_size": 64, "batch": 4} | changes)


def curve(given: RgbtSettings, data: RgbtData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    return Rgbt().train(given, data, workdir, **resume)


def losses(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


@pytest.mark.parametrize("fusion", ["gated", "two-stream"])
def test_three_epochs_and_three_resumed_are_six(pairs: RgbtData, tmp_path: Path, fusion: str) -> None:
    freezing = {"freeze": 5, "unfreeze_epoch": 4}
    given = settings(epochs=6, warmup_epochs=4, close_mosaic=2, **freezing, **AUGMENTED | {"fusion": fusion})
    unbroken = list(curve(given, pairs, tmp_path))
    third = list(islice(curve(given, pairs, tmp_path), 3))[-1]
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    third.save(checkpoint)
    assert losses(curve(given, pairs, tmp_path, resume=checkpoint)) == losses(iter(unbroken[3:]))
    assert [epoch.phase for epoch in unbroken] == ["warmup"] * 4 + ["finetune"] * 2


def test_a_checkpoint_evaluates_to_what_its_epoch_measured(pairs: RgbtData, tmp_path: Path) -> None:
    given = settings(epochs=1)
    epoch = next(curve(given, pairs, tmp_path))
    epoch.save(tmp_path)
    assert (tmp_path / "settings.yaml").is_file()
    metrics = Rgbt().evaluate(given, pairs, tmp_path, tmp_path)
    measured = {name: value for name, value in epoch.metrics.items() if not name.endswith("/gradient")}
    assert metrics.items() >= measured.items()


def test_trainings_that_take_turns_do_not_disturb_each_other(pairs: RgbtData, tmp_path: Path) -> None:
    given = [settings(epochs=2, **AUGMENTED), settings(epochs=2, seed=5, optimizer="SGD", mosaic=1.0)]
    alone = [losses(curve(chosen, pairs, tmp_path)) for chosen in given]
    turns = zip(*(curve(chosen, pairs, tmp_path) for chosen in given), strict=True)
    assert [list(of_training) for of_training in zip(*(losses(iter(turn)) for turn in turns), strict=True)] == alone
    assert alone[0] != alone[1]


def test_what_an_epoch_tells(pairs: RgbtData, tmp_path: Path) -> None:
    epoch = next(curve(settings(epochs=1), pairs, tmp_path))
    parts = {f"{split}{part}" for split in ("train", "val") for part in ("", "/box", "/cls", "/l1")}
    assert epoch.losses.keys() == parts
    assert epoch.rates.keys() == {"weight", "norm", "bias"}
    assert {"map50_95", "no_thermal/map50_95", "thermal/gradient", "thermal/weight"} <= epoch.metrics.keys()
    assert any(name.startswith(("day/", "night/")) for name in epoch.metrics)
    assert epoch.metrics["thermal/gradient"] > 0, "filters that start at zero learn"


CHANGES: dict[str, Any] = {
    **{"epochs": 6, "image_size": 96, "batch": 2, "optimizer": "SGD", "lr0": 1e-3, "lrf": 0.9, "beta1": 0.5},
    **{"weight_decay": 0.5, "warmup_epochs": 0, "box": 2.0, "cls": 2.0, "l1": 9.0, "modality": "rgb"},
    **{"fusion": "gated", "thermal_init": "mean", "modality_dropout": 0.9, "thermal_clahe": True, "mosaic": 1.0},
    **{"mixup": 1.0, "cutmix": 1.0, "hsv": 0.9, "fliplr": 1.0, "translate": 0.5, "scale": 0.5, "multi_scale": 0.6},
    **{
        "freeze": 11,
        "seed": 9,
        "mixed_precision": True,
        "batch_parts": 3,
        "model": "n",
        "norm_momentum": 0.5,
        "momentum": 0.3,
    },
    **{"close_mosaic": 2, "unfreeze_epoch": 1},
}
UNDER: dict[str, dict[str, Any]] = {
    "momentum": {"optimizer": "SGD"},
    "close_mosaic": {"mosaic": 1.0, "close_mosaic": 0},
    "unfreeze_epoch": {"freeze": 11},
}
"""What must be chosen for a setting to matter, and is the same without the change."""
BASE: dict[str, Any] = {"epochs": 2, "warmup_epochs": 1, "close_mosaic": 0}


@pytest.fixture(scope="module")
def usual(pairs: RgbtData, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Mapping[str, float]]]:
    """What two epochs give without a change, by what was chosen."""
    workdir = tmp_path_factory.mktemp("usual")
    chosen: dict[str, dict[str, Any]] = {"": {}} | UNDER
    return {name: losses(curve(settings(**BASE | given), pairs, workdir)) for name, given in chosen.items()}


@pytest.mark.e2e
@pytest.mark.parametrize("name", CHANGES)
def test_each_setting_changes_what_comes_out(
    name: str, pairs: RgbtData, tmp_path: Path, usual: Mapping[str, list[Mapping[str, float]]]
) -> None:
    changed = settings(**BASE | UNDER.get(name, {}) | {name: CHANGES[name]})
    assert losses(islice(curve(changed, pairs, tmp_path), 2)) != usual[name if name in UNDER else ""]


def test_the_colour_shift_leaves_the_thermal_plane_alone(pairs: RgbtData, tmp_path: Path) -> None:
    import numpy as np

    with isolated(tmp_path):
        from trainables.rgbt.augment import RgbShift
    before = pairs.train.load(0, 64, clahe=False)[0]
    after = RgbShift(0.9)({"img": before.copy()})["img"]
    assert np.array_equal(before[..., 3], after[..., 3])
    assert not np.array_equal(before[..., :3], after[..., :3])


def test_a_blocked_thermal_gradient_is_reported_as_collapsed(pairs: RgbtData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from trainables.loop import epochs
        from trainables.rgbt.model import first_filters
        from trainables.rgbt.training import RgbtTraining
    given = settings(epochs=6)
    training = RgbtTraining(given, pairs)
    planes = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 4, 1, 1)
    first_filters(training._detector)[0].register_hook(lambda gradient: gradient * planes)  # type: ignore[no-untyped-call]
    ended = list(epochs(training, seed=0, identity="blocked", resume=None, settings=given))
    assert [epoch.alarm is not None for epoch in ended] == [False] * 4 + [True] * 2
    assert ended[4].alarm is not None
    assert ended[4].alarm.reason == "collapsed"


def test_frozen_layers_stand_still_and_the_stem_does_not(pairs: RgbtData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from trainables.rgbt.training import RgbtTraining
    training = RgbtTraining(settings(freeze=5, unfreeze_epoch=1, weight_decay=0.0), pairs)
    before = {name: value.clone() for name, value in training.state()["model"].items()}
    training.train_epoch(1)
    frozen = [name for name in before if name.split(".")[1] in ("1", "2", "3", "4") and "num_batches" not in name]
    assert all(torch.equal(training.state()["model"][name], before[name]) for name in frozen)
    assert not torch.equal(training.state()["model"]["model.0.conv.weight"], before["model.0.conv.weight"])
    training.train_epoch(2)
    assert not torch.equal(training.state()["model"]["model.1.conv.weight"], before["model.1.conv.weight"])


def test_both_of_two_streams_are_frozen_and_thawed(pairs: RgbtData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from trainables.rgbt.training import RgbtTraining
    changes: dict[str, Any] = {"freeze": 11, "unfreeze_epoch": 1, "weight_decay": 0.0, "thermal_init": "mean"}
    training = RgbtTraining(settings(fusion="two-stream", warmup_epochs=0, **changes), pairs)
    states = []
    for epoch in (1, 2):
        training.train_epoch(epoch)
        states.append({name: value.clone() for name, value in training.state()["model"].items()})
    fresh = RgbtTraining(settings(fusion="two-stream", **changes), pairs).state()["model"]
    stood_still = {int(name.split(".")[1]) for name in fresh if torch.equal(fresh[name], states[0][name])}
    moved = {int(name.split(".")[1]) for name in fresh if not torch.equal(states[0][name], states[1][name])}
    assert stood_still >= {*range(4, 14), *range(17, 27)}, "ten layers of each, whose first ones are trained"
    assert not stood_still & {3, 16, 28, 30, 32}
    assert moved >= {*range(3, 14), *range(16, 27)}


def test_nothing_is_written_beside_the_data(tmp_path: Path) -> None:
    yaml = write_rgbt(tmp_path / "pairs", train=4, val=2, size=64)
    before = sorted(yaml.parent.rglob("*"))
    next(curve(settings(epochs=1), open_rgbt(yaml), tmp_path))
    assert sorted(yaml.parent.rglob("*")) == before


@pytest.mark.e2e
def test_the_paper_preset_takes_a_real_step(pairs: RgbtData, tmp_path: Path) -> None:
    """YOLO26x at 640 pixels, on one pair: about 40 CPU s and 3 GB. Only the weights, a download, are left out."""
    with isolated(tmp_path):
        from trainables.rgbt.batches import prepared, training_loader
        from trainables.rgbt.model import first_filters
        from trainables.rgbt.training import RgbtTraining
    overrides = {"weights": "none", "device": "cpu", "workers": 0, "batch": 1, "warmup_epochs": 0}
    given = Rgbt().settings("paper", overrides | {"mixed_precision": False})
    training = RgbtTraining(given, pairs)
    assert first_filters(training._detector)[0].shape == (96, 4, 3, 3)
    assert 58e6 < sum(value.numel() for value in training.model.parameters()) < 60e6
    before = first_filters(training._detector)[0].detach().clone()
    training._begin(1)
    loader = training_loader(given, pairs, training._args, 1, torch.device("cpu"))
    batch = prepared(next(iter(loader)), given, torch.device("cpu"))
    assert batch["img"].shape == (1, 4, 640, 640)
    total, _ = training._loss(batch)
    total.backward()  # type: ignore[no-untyped-call]
    training._step()
    assert math.isfinite(float(total.detach()))
    assert not torch.equal(first_filters(training._detector)[0].detach(), before)
