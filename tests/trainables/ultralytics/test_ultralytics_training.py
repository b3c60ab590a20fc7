"""Ultralytics' trainer, epoch by epoch: every task resumes exactly, and what is applied is what was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.support.small_models import write_models
from trainables.recipe import Epoch
from trainables.samples.ultralytics_tasks import write_tasks
from trainables.settings import to_yaml
from trainables.ultralytics.data import UltralyticsData
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import TASKS, Task

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
    whole = numbers(curve(given, RECIPE.open(path), tmp_path / "whole"))
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
    assert rest == whole[3:]
