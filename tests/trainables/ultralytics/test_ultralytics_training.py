"""Ultralytics' trainer, epoch by epoch: every task resumes exactly, and what is applied is what was given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from tests.support.small_models import write_models
from trainables.errors import CheckpointError, SettingsError
from trainables.recipe import Epoch
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.settings import to_yaml
from trainables.ultralytics.data import UltralyticsData
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import TASKS, Task
from trainables.ultralytics_import import isolated

with isolated():
    from trainables.ultralytics.upstream import contained

pytestmark = pytest.mark.e2e  # trains, for minutes

REPOSITORY = Path(__file__).parents[3]
RECIPE = Ultralytics()
AUGMENTED: dict[str, Any] = {
    **{"mosaic": 0.7, "mixup": 0.3, "cutmix": 0.3, "copy_paste": 0.3, "degrees": 10.0, "multi_scale": 0.3, "bgr": 0.2},
    **{"optimizer": "SGD", "lr0": 0.01, "warmup_epochs": 2.5, "close_mosaic": 2, "dropout": 0.2, "cos_lr": True},
}
"""With 10 images in batches of 4, the 16 images of a step go across epochs, in the warm-up too."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small data sets of all tasks: enough to see that something changes, not to learn."""
    return write_tasks(tmp_path_factory.mktemp("ultralytics") / "data", train=10, val=4).parents[1]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, str]:
    return write_models(tmp_path_factory.mktemp("models"))


def data_of(root: Path, task: Task) -> Path:
    return root / task if task == "classify" else root / task / "data.yaml"


def settings(model: str, **changes: Any) -> UltralyticsSettings:
    return RECIPE.settings("tiny", {"model": model, "batch": 4, "nbs": 16, "epochs": 6} | changes)


def curve(given: UltralyticsSettings, data: UltralyticsData, workdir: Path, **resume: Path) -> Iterator[Epoch]:
    workdir.mkdir(exist_ok=True)
    return RECIPE.train(given, data, workdir, **resume)


def numbers(epochs: Iterator[Epoch]) -> list[Mapping[str, float]]:
    return [{**epoch.losses, **epoch.metrics} for epoch in epochs]


def saved(epoch: Epoch, directory: Path) -> Path:
    directory.mkdir()
    epoch.save(directory)
    return directory


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("task", TASKS)
def test_three_epochs_and_three_in_a_new_process_are_six(
    task: Task, workers: int, root: Path, models: dict[Task, str], tmp_path: Path
) -> None:
    changes = AUGMENTED | ({"multi_scale": 0.0} if task == "classify" else {})
    given = settings(models[task], workers=workers, **changes)
    path = data_of(root, task)
    uninterrupted = numbers(curve(given, RECIPE.open(path), tmp_path / "whole"))
    third = list(islice(curve(given, RECIPE.open(path), tmp_path / "part"), 3))[-1]
    checkpoint = saved(third, tmp_path / "checkpoint")
    (tmp_path / "settings.yaml").write_text(to_yaml(given))
    (tmp_path / "rest").mkdir()
    command = [sys.executable, "-m", "tests.support.resumed_ultralytics", str(tmp_path / "settings.yaml")]
    done = subprocess.run(
        [*command, str(path), str(tmp_path / "rest"), str(checkpoint)],
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rest = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert rest == uninterrupted[3:]


@pytest.fixture(scope="module")
def trained(root: Path, models: dict[Task, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Epoch]]:
    """A folder of a run that was stopped after its second epoch, with the checkpoint of that epoch; and the epochs."""
    workdir = tmp_path_factory.mktemp("runs") / "stopped"
    epochs = curve(settings(models["detect"]), RECIPE.open(data_of(root, "detect")), workdir)
    two_epochs = [next(epochs), next(epochs)]
    saved(two_epochs[1], workdir / "checkpoint")
    epochs.close()  # type: ignore[attr-defined]  # a generator
    return workdir, two_epochs


def test_a_run_that_was_stopped_is_a_run_as_ultralytics_leaves_it(trained: tuple[Path, list[Epoch]]) -> None:
    workdir, two_epochs = trained
    assert {"args.yaml", "results.csv", "weights"} <= {path.name for path in workdir.iterdir()}
    rows = (workdir / "results.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    assert "train/box_loss" in two_epochs[0].losses
    assert {"fitness", "metrics/mAP50-95(B)"} <= two_epochs[0].metrics.keys()
    assert two_epochs[0].losses["train"] == pytest.approx(
        sum(value for name, value in two_epochs[0].losses.items() if name.startswith("train/"))
    )
    assert set(two_epochs[0].rates) == {"pg0", "pg1", "pg2"}


def test_no_thread_and_no_setting_of_torch_outlasts_a_training(trained: tuple[Path, list[Epoch]]) -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "ultralytics"]
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_checkpoint_evaluates_to_what_its_epoch_measured(
    trained: tuple[Path, list[Epoch]], root: Path, models: dict[Task, str], tmp_path: Path
) -> None:
    workdir, two_epochs = trained
    data = RECIPE.open(data_of(root, "detect"))
    measured = RECIPE.evaluate(settings(models["detect"]), data, tmp_path, workdir / "checkpoint")
    expected = {
        **two_epochs[1].metrics,
        **{name: value for name, value in two_epochs[1].losses.items() if name.startswith("val")},
    }
    assert measured == pytest.approx(expected, abs=1e-5)


def test_a_checkpoint_is_not_evaluated_on_classes_of_other_numbers(
    trained: tuple[Path, list[Epoch]], root: Path, models: dict[Task, str], tmp_path: Path
) -> None:
    """Ultralytics reads labels by their numbers: on data that list the classes otherwise the metrics would be wrong."""
    workdir, _ = trained
    copy = Path(shutil.copytree(root / "detect", tmp_path / "detect"))
    described = yaml.safe_load((copy / "data.yaml").read_text())
    described |= {"path": str(copy), "names": ["7", "3"]}
    (copy / "data.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(CheckpointError, match=r"its classes are '3', '7', those of the data '7', '3'; both must"):
        RECIPE.evaluate(settings(models["detect"]), RECIPE.open(copy / "data.yaml"), tmp_path, workdir / "checkpoint")


def test_the_exported_weights_are_the_evaluated_ones(
    trained: tuple[Path, list[Epoch]], root: Path, models: dict[Task, str], tmp_path: Path
) -> None:
    from ultralytics import YOLO

    workdir, two_epochs = trained
    given = settings(models["detect"])
    about = RECIPE.weights(given, workdir / "checkpoint", tmp_path)
    assert {"weights/best.pt", "results.csv"} <= about.keys()
    with contained({}):
        metrics = YOLO(tmp_path / "weights/best.pt").val(
            data=RECIPE.open(data_of(root, "detect")).sets[0].for_trainer(tmp_path),
            plots=False, verbose=False, workers=0, save_dir=str(tmp_path / "val"),
        )  # fmt: skip
    assert round(float(metrics.fitness), 5) == two_epochs[1].metrics["fitness"]
    (answer,) = RECIPE.predictor(given, workdir / "checkpoint")([root / "detect/images/val/0000.png"])
    assert len(answer["boxes"]) == len(answer["scores"]) == len(answer["labels"])


def test_nothing_is_written_beside_the_data(root: Path, models: dict[Task, str], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "data"))
    image = copy / "detect/images/train/0000.png"
    jpeg = image.with_suffix(".jpg")
    Image.open(image).save(jpeg)
    image.unlink()
    jpeg.write_bytes(jpeg.read_bytes()[:-2])  # Ultralytics repairs such a file in its place
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    for task in ("detect", "classify"):
        given, data = settings(models[task], epochs=1), RECIPE.open(data_of(copy, task))
        RECIPE.check(given, data)
        list(curve(given, data, tmp_path / task))
        if task == "detect":
            left_out = "0000.jpg: cannot be decoded (truncated, empty or of a format that is not supported); left out"
            assert left_out in str(next(iter(data.findings)))
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


@pytest.mark.parametrize("after", [0, 1])
def test_losses_that_are_no_numbers_end_it_as_nonfinite(
    after: int, root: Path, models: dict[Task, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its first epoch the trainer would go on, and later go back to an earlier checkpoint."""
    from ultralytics.nn.tasks import DetectionModel

    original = DetectionModel.loss

    def broken(*arguments: Any, **named: Any) -> Any:
        loss, items = original(*arguments, **named)
        return loss * float("nan"), items

    epochs = curve(settings(models["detect"]), RECIPE.open(data_of(root, "detect")), tmp_path / "run")
    for _ in range(after):
        assert next(epochs).alarm is None
    monkeypatch.setattr(DetectionModel, "loss", broken)
    alarm = next(epochs).alarm
    assert alarm is not None
    assert alarm.reason == "nonfinite"


def test_out_of_memory_is_an_error_and_no_smaller_batch(
    root: Path, models: dict[Task, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.nn.tasks import DetectionModel

    def forward(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    epochs = curve(settings(models["detect"]), RECIPE.open(data_of(root, "detect")), tmp_path / "run")
    next(epochs)
    monkeypatch.setattr(DetectionModel, "loss", forward)
    with pytest.raises(torch.OutOfMemoryError):
        next(epochs)
    epochs = curve(settings(models["detect"]), RECIPE.open(data_of(root, "detect")), tmp_path / "first")
    with pytest.raises(torch.OutOfMemoryError):  # in the first epoch the trainer would halve the batch
        next(epochs)


def test_a_setting_that_the_trainer_changes_ends_the_training(
    root: Path, models: dict[Task, str], tmp_path: Path
) -> None:
    given = settings(models["classify"], multi_scale=0.5)
    with pytest.raises(SettingsError, match=r"multi_scale is 0.5, but the trainer changed it to 0.0"):
        next(curve(given, RECIPE.open(root / "classify"), tmp_path / "run"))


def test_several_data_sets_give_the_mean_and_resume_exactly(
    root: Path, models: dict[Task, str], tmp_path: Path
) -> None:
    two_data_sets = Path(f"{root / 'detect/data.yaml'},{root / 'obb/data.yaml'}")
    given = settings(models["detect"], epochs=3, **{**AUGMENTED, "close_mosaic": 1})
    uninterrupted = numbers(curve(given, RECIPE.open(two_data_sets), tmp_path / "whole"))
    second = list(islice(curve(given, RECIPE.open(two_data_sets), tmp_path / "part"), 2))[-1]
    checkpoint = saved(second, tmp_path / "checkpoint")
    assert numbers(curve(given, RECIPE.open(two_data_sets), tmp_path / "rest", resume=checkpoint)) == uninterrupted[2:]
    assert uninterrupted[0]["fitness"] == pytest.approx(
        (uninterrupted[0]["detect/fitness"] + uninterrupted[0]["obb/fitness"]) / 2
    )
    about = RECIPE.weights(given, checkpoint, tmp_path)
    assert {"detect/weights/best.pt", "obb/weights/best.pt"} <= about.keys()
