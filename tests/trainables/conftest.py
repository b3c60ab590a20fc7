from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainables.resnet_yolo.data import YoloData, open_yolo
from trainables.resnet_yolo.recipe import ResnetYolo
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.samples.digits import write_yolo

SMALL: dict[str, Any] = {
    "image_size": 64,
    "batch": 8,
    "widths": [8, 8, 16, 16],
    "neck_channels": 8,
    "warmup_epochs": 2,
    "lr": 5e-3,
    "dropout": 0.0,
}
"""Smaller than the tiny preset: an epoch in a quarter of a second."""


def _small(**settings: Any) -> ResnetYoloSettings:
    return ResnetYolo().settings("tiny", SMALL | settings)


@pytest.fixture(scope="session")
def small() -> Callable[..., ResnetYoloSettings]:
    return _small


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run beside each other and beside a training: each takes one core."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits_yaml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_yolo(tmp_path_factory.mktemp("samples") / "digits", train=64, val=16, size=64)


@pytest.fixture(scope="session")
def few_digits(tmp_path_factory: pytest.TempPathFactory) -> YoloData:
    """Enough to see that something changes, not to learn."""
    return open_yolo(write_yolo(tmp_path_factory.mktemp("samples") / "few", train=16, val=4, size=64))


@pytest.fixture(scope="session")
def digits(digits_yaml: Path) -> YoloData:
    return open_yolo(digits_yaml)
