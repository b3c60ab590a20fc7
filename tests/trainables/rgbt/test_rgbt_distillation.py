"""A teacher draws its student's features to its own, and is itself left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch

from spaces import registry
from spaces.space import ranges
from trainables.errors import CheckpointError
from trainables.rgbt.data import RgbtData, open_rgbt
from trainables.rgbt.recipe import Rgbt
from trainables.rgbt.settings import RgbtSettings
from trainables.samples.thermal_pairs import write_rgbt
from trainables.ultralytics_import import isolated

e2e = pytest.mark.e2e  # trains, and imports Ultralytics


def settings(**changes: Any) -> RgbtSettings:
    return Rgbt().settings("tiny", {"image_size": 64, "batch": 4, "epochs": 2, "warmup_epochs": 0} | changes)


def test_its_weight_is_searched_only_where_there_is_one() -> None:
    searched = [ranges(registry.find(Rgbt(), "tiny", choices)) for choices in ({}, {"teacher": "yolo26x"})]
    assert ["distill_weight" in names for names in searched] == [False, True]
    assert 0.0 in searched[1]["distill_weight"].choices


def test_its_path_is_of_the_folder_in_which_the_settings_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep's workers have others."""
    monkeypatch.chdir(tmp_path)
    assert settings(teacher="big.pt").teacher == str(tmp_path / "big.pt")
    assert settings(teacher="yolo26x").teacher == "yolo26x"


def test_one_that_is_not_there_is_refused_before_a_sweep_unless_it_has_no_weight(tmp_path: Path) -> None:
    pairs = open_rgbt(write_rgbt(tmp_path / "pairs", train=2, val=2, size=64))
    with pytest.raises(CheckpointError, match=r"teacher .*nowhere\.pt: no such file; give none, yolo26n, .* or a"):
        Rgbt().check(settings(teacher="nowhere.pt", distill_weight=6.0), pairs)
    for accepted in ({"teacher": "nowhere.pt"}, {"teacher": "yolo26n", "distill_weight": 6.0}):
        Rgbt().check(settings(**accepted), pairs)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> RgbtData:
    return open_rgbt(write_rgbt(tmp_path_factory.mktemp("pairs") / "pairs", train=8, val=4, size=64))


@pytest.fixture(scope="module")
def teacher(pairs: RgbtData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a larger model that was trained on the same pairs."""
    folder = tmp_path_factory.mktemp("teacher") / "epoch-0001"
    folder.mkdir()
    next(iter(Rgbt().train(settings(model="n", fusion="gated", epochs=1), pairs, folder.parent))).save(folder)
    return folder


def rgb_teacher(folder: Path) -> Path:
    """A three-plane model of another size with other classes, as Ultralytics saves one."""
    with isolated(folder):
        from ultralytics.nn.tasks import DetectionModel

        from trainables.rgbt.architecture import model_yaml
    model = DetectionModel(model_yaml("n"), ch=3, nc=5, verbose=False)
    model.names = {number: f"class {number}" for number in range(5)}
    torch.save({"model": model, "ema": None, "train_args": {}}, folder / "rgb.pt")
    return folder / "rgb.pt"


def losses(given: RgbtSettings, data: RgbtData, workdir: Path, **resume: Path) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in Rgbt().train(given, data, workdir, **resume)]


@e2e
def test_the_student_comes_closer_to_it(pairs: RgbtData, teacher: Path, tmp_path: Path) -> None:
    given = settings(teacher=str(teacher), distill_weight=6.0, epochs=6)
    distances = [epoch["train/distill"] for epoch in losses(given, pairs, tmp_path)]
    assert distances[-1] < distances[0] / 1.2
    plain = losses(settings(epochs=1), pairs, tmp_path)[0]
    assert "train/distill" not in plain


@e2e
def test_a_weight_of_zero_is_no_teacher_which_is_not_even_read(pairs: RgbtData, tmp_path: Path) -> None:
    plain = losses(settings(), pairs, tmp_path)
    assert losses(settings(teacher="nowhere.pt", distill_weight=0.0), pairs, tmp_path) == plain


@e2e
def test_its_term_has_its_weight_and_is_part_of_the_loss(pairs: RgbtData, teacher: Path, tmp_path: Path) -> None:
    """In the first step, whose weights are the same. The other parts of the loss are of one head alone."""
    weights = (0.0, 3.0, 6.0)
    taught = [settings(teacher=str(teacher), distill_weight=weight, batch=8, epochs=1) for weight in weights]
    first = [losses(chosen, pairs, tmp_path)[0] for chosen in taught]
    assert first[2]["train/distill"] == pytest.approx(2 * first[1]["train/distill"])
    for epoch in first[1:]:
        assert epoch["train"] - first[0]["train"] == pytest.approx(epoch["train/distill"], rel=1e-4)


@e2e
@pytest.mark.parametrize("kind", ["rgbt", "rgb"])
def test_it_is_frozen_and_sees_its_planes_without_modality_dropout(
    kind: str, pairs: RgbtData, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with isolated(tmp_path):
        from ultralytics.nn.tasks import DetectionModel

        from trainables.rgbt.training import RgbtTraining
    path = teacher if kind == "rgbt" else rgb_teacher(tmp_path)
    given = settings(teacher=str(path), distill_weight=6.0, modality_dropout=1.0)
    training = RgbtTraining(given, pairs)
    assert training._distillation is not None
    taught = training._distillation._teacher
    before = {name: value.clone() for name, value in taught.state_dict().items()}
    seen: dict[bool, torch.Tensor] = {}
    forward = DetectionModel.forward

    def watched(model: Any, planes: Any, *rest: Any, **named: Any) -> Any:
        seen[model is taught] = planes
        return forward(model, planes, *rest, **named)

    monkeypatch.setattr(DetectionModel, "forward", watched)
    training.train_epoch(1)
    assert seen[True].shape[1] == (4 if kind == "rgbt" else 3)
    assert seen[True][:, :3].any()
    assert not seen[False][:, :3].any(), "the student learns from thermal what the teacher sees in colours"
    assert not taught.training
    assert all(torch.equal(value, before[name]) for name, value in taught.state_dict().items())


@e2e
def test_a_resume_is_exact_and_asks_for_the_same_teacher(pairs: RgbtData, teacher: Path, tmp_path: Path) -> None:
    teacher_file = tmp_path / "teacher.pt"
    state = torch.load(teacher / "state.pt", weights_only=False)["training"]
    torch.save({"model": state["ema"], "names": state["names"]}, teacher_file)
    changes = {"modality_dropout": 0.5, "multi_scale": 0.5, "batch_parts": 2, "mosaic": 0.5}
    given = settings(teacher=str(teacher_file), distill_weight=6.0, epochs=3, **changes)
    curve = list(Rgbt().train(given, pairs, tmp_path))
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    next(islice(Rgbt().train(given, pairs, tmp_path), 1)).save(checkpoint)
    assert losses(given, pairs, tmp_path, resume=checkpoint) == [
        {**epoch.losses, **epoch.metrics} for epoch in curve[1:]
    ]
    state["ema"]["model.1.conv.weight"] += 1
    torch.save({"model": state["ema"], "names": state["names"]}, teacher_file)
    with pytest.raises(CheckpointError, match=r"teacher .*: has other weights than when this training began"):
        losses(given, pairs, tmp_path, resume=checkpoint)


@e2e
def test_one_that_does_not_fit_is_refused_in_a_sentence(pairs: RgbtData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from ultralytics.nn.tasks import DetectionModel

        from trainables.rgbt.weights import load_teacher
    with pytest.raises(CheckpointError, match=r"teacher nowhere\.pt: no such file; give yolo26n or"):
        load_teacher("nowhere.pt")
    for name, complaint in (("yolov8n.yaml", "the model has"), ("yolov9t.yaml", "are of no YOLO26 of size")):
        torch.save({"model": DetectionModel(name, verbose=False), "ema": None}, tmp_path / "other.pt")
        with pytest.raises(CheckpointError, match=f"teacher .*other.pt: .*{complaint}"):
            load_teacher(str(tmp_path / "other.pt"))


@e2e
def test_a_download_that_fails_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"teacher yolo26l: .* cannot be downloaded .*set teacher to the"):
        Rgbt().fetch(settings(teacher="yolo26l"))
