"""Settings of the recipe ultralytics: which are taken, which are refused and in which words; and their task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainables.errors import CheckpointError, SettingsError
from trainables.manifest import Manifest
from trainables.ultralytics import files
from trainables.ultralytics.data import UltralyticsData
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics.settings import phase_of
from trainables.ultralytics.tasks import task_of
from trainables.ultralytics_import import isolated

RECIPE = Ultralytics()


def test_the_last_epoch_is_no_warm_up() -> None:
    """The trainer lets a warm-up end before it, however many epochs are asked for."""
    short = RECIPE.settings("tiny", {"epochs": 3, "warmup_epochs": 5.0, "close_mosaic": 0})
    assert [phase_of(short, epoch) for epoch in (1, 2, 3)] == ["warmup", "warmup", "main"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"device": 0}, r"device is 0; leave it out, or give cpu: .*\(gpus: 1\)"),
        ({"device": "0,1"}, r"device is '0,1'; leave it out, or give cpu"),
        ({"lr": 0.1}, r"unknown setting 'lr'; did you mean 'lrf'\?|unknown setting 'lr'; did you mean 'lr0'\?"),
        ({"time": 1.0}, "time is a key of Ultralytics that a sweep does not take: it changes the number of epochs"),
        ({"patience": 5}, "patience is a key .* the sweep's scheduler ends trainings"),
        ({"cache": "disk"}, "cache is 'disk'; it must be true .* nothing is written beside images"),
        ({"batch": -1}, "'batch' is -1; it must be at least 1"),
        ({"imgsz": 100}, "'imgsz' is 100; it must be a multiple of 32"),
        ({"optimizer": "auto", "lr0": 0.001}, "lr0 is 0.001, but optimizer is auto, which ignores it; set optimizer"),
        ({"mosaic": 1.5}, "'mosaic' is 1.5; it must be at most 1"),
    ],
)
def test_what_is_wrong_is_one_sentence(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        RECIPE.settings("tiny", changes)


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("yolo26n.pt", "detect"),
        ("runs/yolo11x-seg.yaml", "segment"),
        ("yolov8s-pose.pt", "pose"),
        ("yolo26n-obb.pt", "obb"),
        ("yolo26n-cls.pt", "classify"),
    ],
)
def test_a_models_name_tells_its_task(model: str, task: str) -> None:
    assert task_of({"model": model, "task": None}) == task


def test_a_task_that_is_given_counts() -> None:
    assert task_of({"model": "mine.pt", "task": "pose"}) == "pose"


def test_tasks_that_were_not_tested_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"model is yolo26n-depth.pt; its task was not tested here"):
        task_of({"model": "yolo26n-depth.pt", "task": None})


@pytest.mark.parametrize("model", ["rtdetr-l.pt", "rtdetr-l.yaml", "yolov8s-world.yaml", "yoloe-26n-seg.pt"])
@pytest.mark.parametrize("task", [None, "detect"])
def test_models_that_another_trainer_trains_are_refused(model: str, task: str | None) -> None:
    with pytest.raises(SettingsError, match=rf"model is {model}; RT-DETR, YOLO-World and YOLOE are not taken"):
        task_of({"model": model, "task": task})


@pytest.mark.e2e
def test_such_a_model_is_known_by_its_file_too(tmp_path: Path) -> None:
    with isolated():
        from ultralytics import YOLOWorld

        from trainables.ultralytics.check import check

        YOLOWorld("yolov8n-world.yaml").save(tmp_path / "mine.pt")
        settings = Ultralytics().settings("tiny", {"model": str(tmp_path / "mine.pt")})
        with pytest.raises(SettingsError, match="YOLO-World and YOLOE are not taken"):
            check(settings, UltralyticsData((), Manifest({}, {}, {})))


@pytest.mark.e2e
def test_a_model_that_is_not_here_is_one_sentence_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Ultralytics().settings("tiny", {"model": "mine.pt"})
    with pytest.raises(CheckpointError, match=r"^ultralytics: model is mine.pt; no such file"):
        Ultralytics().check(settings, UltralyticsData((), Manifest({}, {}, {})))


def test_a_model_yaml_of_ultralytics_is_found_by_its_size() -> None:
    assert files.model_file("yolo26n-seg.yaml") == "yolo26n-seg.yaml"
    assert files.model_file("yolo11x.yaml") == "yolo11x.yaml"


def test_a_file_that_is_here_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.pt").touch()
    monkeypatch.chdir(tmp_path)
    assert files.model_file("mine.pt") == str(tmp_path / "mine.pt")


@pytest.mark.parametrize(
    ("model", "kind", "complaint"),
    [
        ("yolo26n.pt", CheckpointError, "nothing is downloaded unasked: set download=true"),
        ("yolo26n", CheckpointError, "nothing is downloaded unasked"),
        ("mine.yaml", SettingsError, r"model is mine.yaml; no such file, and Ultralytics has no mine.yaml either"),
        ("yolo26n.onnx", SettingsError, r"model is yolo26n.onnx; it must be a .pt file, or a model YAML"),
    ],
)
def test_a_model_that_is_not_here_says_what_to_do(
    model: str, kind: type[Exception], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    with pytest.raises(kind, match=complaint):
        files.model_file(model)
