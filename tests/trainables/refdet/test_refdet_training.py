"""refdet trains, resumes exactly, and uses every setting."""

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
from trainables.refdet.data import RefdetData, open_refdet
from trainables.refdet.recipe import Refdet
from trainables.refdet.settings import RefdetSettings
from trainables.samples.reference_videos import write_refdet
from trainables.ultralytics_import import isolated

pytestmark = pytest.mark.e2e  # trains, for minutes

SMALL: dict[str, Any] = {
    **{"image_size": 64, "n_way": 2, "n_query": 1, "n_episodes": 2, "reference_size": 28},
    **{"reference_weights": "none", "embedding": 16, "n_reference": 1},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> RefdetData:
    """Enough to see that something changes, not to learn."""
    return open_refdet(write_refdet(tmp_path_factory.mktemp("v") / "v", train=3, test=2, frames=3, size=64))


def settings(training: str = "stage-3", **changes: Any) -> RefdetSettings:
    return Refdet().settings("tiny", SMALL | changes, training)


def curve(given: RefdetSettings, data: RefdetData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    return Refdet().train(given, data, workdir, **resume)


def losses(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


def test_three_epochs_and_three_resumed_are_six(videos: RefdetData, tmp_path: Path) -> None:
    given = settings(epochs=6, warmup_epochs=4, hsv=0.5, fliplr=0.5, curriculum=True, n_way=3, contrastive_decay=True)
    whole = list(curve(given, videos, tmp_path))
    third = list(islice(curve(given, videos, tmp_path), 3))[-1]
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    third.save(checkpoint)
    assert losses(curve(given, videos, tmp_path, resume=checkpoint)) == losses(iter(whole[3:]))
    assert [epoch.phase for epoch in whole] == ["warmup"] * 4 + ["finetune"] * 2
    with pytest.raises(CheckpointError, match="other settings: seed was 0 and is 3"):
        next(curve(settings(epochs=6, seed=3), videos, tmp_path, resume=checkpoint))


def test_a_checkpoint_evaluates_to_what_its_epoch_measured(videos: RefdetData, tmp_path: Path) -> None:
    given = settings(epochs=1)
    epoch = next(curve(given, videos, tmp_path))
    epoch.save(tmp_path)
    assert (tmp_path / "settings.yaml").is_file()
    found = Refdet().evaluate(given, videos, tmp_path, tmp_path)
    assert found.items() >= epoch.metrics.items()


def test_trainings_that_take_turns_do_not_disturb_each_other(videos: RefdetData, tmp_path: Path) -> None:
    given = [settings(epochs=2, hsv=0.5), settings("stage-2", epochs=2, seed=5, lr=3e-3)]
    alone = [losses(curve(each, videos, tmp_path)) for each in given]
    turns = zip(*(curve(each, videos, tmp_path) for each in given), strict=True)
    assert [list(each) for each in zip(*(losses(iter(turn)) for turn in turns), strict=True)] == alone
    assert alone[0] != alone[1]


def test_what_an_epoch_tells(videos: RefdetData, tmp_path: Path) -> None:
    epoch = next(curve(settings(epochs=1), videos, tmp_path))
    parts = ("bbox", "cls", "dfl", "supcon", "cpe", "triplet")
    assert epoch.losses.keys() >= {"train", "val", *(f"train/{part}" for part in parts)}
    assert epoch.losses["train"] == pytest.approx(sum(epoch.losses[f"train/{part}"] for part in parts))
    assert epoch.metrics.keys() >= {"map50", "map50_95", "shuffled/map50"}
    assert set(epoch.rates) == {"dinov2", "backbone", "fusion", "head"}
    shares = {name: rate / epoch.rates["backbone"] for name, rate in epoch.rates.items()}
    assert shares == pytest.approx({"dinov2": 0.1, "backbone": 1.0, "fusion": 2.0, "head": 2.0})


CHANGES: dict[str, Any] = {
    **{"stage": 2, "epochs": 6, "image_size": 96, "reference_size": 42, "n_way": 3, "n_query": 2, "n_episodes": 3},
    **{"n_reference": 2, "curriculum": True, "gradient_accumulation": 2, "lr": 3e-3, "weight_decay": 0.9},
    **{"warmup_epochs": 0, "dinov2_factor": 3.0, "backbone_factor": 0.1, "fusion_factor": 0.1, "head_factor": 0.1},
    **{"freeze_dinov2": True, "freeze_backbone": True, "bbox_weight": 2.0, "cls_weight": 0.2, "dfl_weight": 0.2},
    **{"supcon_weight": 3.0, "cpe_weight": 3.0, "triplet_weight": 3.0, "contrastive_decay": True},
    **{
        "use_triplet": False,
        "triplet_ratio": 0.0,
        "negative_strategy": "background",
        "fliplr": 1.0,
        "hsv": 1.0,
        "turn": 1.0,
    },
    **{"seed": 9, "mixed_precision": True, "width": 0.25, "embedding": 8, "norm_momentum": 0.5},
}
BASE: dict[str, Any] = {"turn": 0.0, "epochs": 2, "warmup_epochs": 1, "freeze_dinov2": False, "triplet_ratio": 1.0}
CONTRAST = {"triplet_ratio": 0.0}
UNDER: dict[str, dict[str, Any]] = {
    "supcon_weight": CONTRAST,
    "contrastive_decay": CONTRAST,
    "curriculum": {"n_way": 3, "n_query": 5},
    "epochs": {"warmup_epochs": 0},
}
"""What must be chosen for a setting to matter, and is the same without the change."""
UNSEEN = {"cpe_weight": "no proposal of so young a model reaches IoU 0.7; it has a test of its own"}


@pytest.fixture(scope="module")
def usual(videos: RefdetData, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Mapping[str, float]]]:
    """What two epochs give without a change, by what was chosen."""
    workdir = tmp_path_factory.mktemp("usual")
    chosen: dict[str, dict[str, Any]] = {"": {}} | UNDER
    return {name: losses(curve(settings(**BASE | given), videos, workdir)) for name, given in chosen.items()}


@pytest.mark.e2e
@pytest.mark.parametrize("name", sorted(CHANGES.keys() - UNSEEN.keys()))
def test_each_setting_changes_what_comes_out(
    name: str, videos: RefdetData, tmp_path: Path, usual: Mapping[str, list[Mapping[str, float]]]
) -> None:
    changed = BASE | UNDER.get(name, {}) | {name: CHANGES[name]} | ({"use_triplet": False} if name == "stage" else {})
    found = losses(islice(curve(settings(**changed), videos, tmp_path), 2))
    assert found != usual[name if name in UNDER else ""]


def test_the_proposals_weight_counts_once_proposals_fit(
    videos: RefdetData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with isolated(tmp_path):
        from trainables.refdet import losses as parts
    monkeypatch.setattr(parts, "PROPOSAL_IOU", 0.0)  # every place that stands for an object, from the first step on
    given = BASE | {"triplet_ratio": 0.0, "epochs": 1, "warmup_epochs": 0}
    light, heavy = (
        next(curve(settings(**given, cpe_weight=weight), videos, tmp_path)).losses["train/cpe"] for weight in (0.3, 3.0)
    )
    assert 0 < light < heavy


def test_the_shipped_encoder_fits_the_tiny_preset(videos: RefdetData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from trainables.refdet.model import reference_encoder
        from trainables.refdet.weights import SAMPLE, load_encoder
    given = Refdet().settings("tiny", {})
    assert SAMPLE.stat().st_size < 2e6
    encoder = reference_encoder(given)
    before = encoder.state_dict()["norm.weight"].clone()
    load_encoder(encoder, given.reference_weights)
    assert not torch.equal(encoder.state_dict()["norm.weight"], before)
    for content, complaint in ((None, "no such file; give timm's vit_small"), (b"junk", "cannot be read")):
        path = tmp_path / "encoder.pt"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CheckpointError, match=complaint):
            load_encoder(encoder, str(path))


@pytest.mark.parametrize("form", ["checkpoint", "export"])
def test_a_stage_goes_on_from_the_one_before(videos: RefdetData, tmp_path: Path, form: str) -> None:
    """The RefDet few-shot guide (document 003): stage 3 starts from stage 2's best model."""
    with isolated(tmp_path):
        from trainables.refdet.training import RefdetTraining
    folder = tmp_path / "epoch-0001"
    folder.mkdir()
    next(curve(settings("stage-2", epochs=1), videos, tmp_path)).save(folder)
    Refdet().weights(settings("stage-2", epochs=1), folder, tmp_path)
    weights = str(folder if form == "checkpoint" else tmp_path / "weights.pt")
    given = settings("stage-3", weights=weights)
    found = RefdetTraining(given, videos).state()["model"]
    earlier = torch.load(tmp_path / "weights.pt")["model"]
    assert found.keys() == earlier.keys()
    assert all(torch.equal(value, earlier[name]) for name, value in found.items())
    with pytest.raises(CheckpointError, match="set reference_weights to none"):
        RefdetTraining(settings("stage-3", weights=weights, **{"reference_weights": "sample"}), videos)
    with pytest.raises(CheckpointError, match=r"but the model has .*; give weights of the same size"):
        RefdetTraining(settings("stage-3", weights=weights, embedding=24), videos)


def test_frozen_parts_stand_still(videos: RefdetData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from trainables.refdet.training import RefdetTraining
    training = RefdetTraining(settings(freeze_dinov2=True, freeze_backbone=True), videos)
    before = {name: value.clone() for name, value in training.state()["model"].items()}
    training.train_epoch(1)
    moved = {
        name.partition(".")[0] for name, value in training.state()["model"].items() if not value.equal(before[name])
    }
    assert moved == {"fusion", "head", "reference"}


@pytest.mark.e2e
def test_the_paper_preset_takes_a_real_step(videos: RefdetData, tmp_path: Path) -> None:
    """YOLOv8n's body and DINOv2's ViT-S on two frames; only their weights, downloads, are left out."""
    with isolated(tmp_path):
        from trainables.refdet.training import RefdetTraining
    changes = {"device": "cpu", "mixed_precision": False, "n_query": 1, "n_episodes": 1, "gradient_accumulation": 1}
    given = Refdet().settings("paper", changes)
    training = RefdetTraining(given, videos)
    encoder = training._detector.encoder
    assert 21.5e6 < sum(value.numel() for value in encoder.parameters()) < 22.5e6
    before = training._detector.reference.weight.detach().clone()
    found, _ = training.train_epoch(1)
    assert math.isfinite(found["train"])
    assert not torch.equal(training._detector.reference.weight.detach(), before)
