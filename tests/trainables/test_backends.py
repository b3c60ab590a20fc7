"""torch's switches for a GPU hold while one training computes, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from trainables.backends import backends, placed
from trainables.loop import epochs
from trainables.resnet_yolo.settings import ResnetYoloSettings

Switches = dict[str, bool]


def switches() -> Switches:
    cudnn = torch.backends.cudnn
    return {
        "convolutions": cudnn.allow_tf32,
        "products": torch.backends.cuda.matmul.allow_tf32,
        "benchmark": cudnn.benchmark,
        "deterministic": cudnn.deterministic,
    }


def switches_under(settings: Any) -> Switches:
    with backends(settings):
        return switches()


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    before = switches()
    yield
    assert switches() == before


def test_the_presets_leave_torchs_defaults_but_keep_to_deterministic_algorithms(
    small: Callable[..., ResnetYoloSettings],
) -> None:
    assert switches_under(small()) == {
        "convolutions": True,
        "products": False,
        "benchmark": False,
        "deterministic": True,
    }


@pytest.mark.parametrize(
    ("tf32", "convolutions", "products"), [("none", False, False), ("convolutions", True, False), ("all", True, True)]
)
def test_tf32(small: Callable[..., ResnetYoloSettings], tf32: str, convolutions: bool, products: bool) -> None:
    held = switches_under(small(tf32=tf32))
    assert (held["convolutions"], held["products"]) == (convolutions, products)


def test_cudnn_chooses_by_speed_only_if_it_may(small: Callable[..., ResnetYoloSettings]) -> None:
    held = switches_under(small(cudnn_benchmark=True))
    assert held["benchmark"]
    assert not held["deterministic"]


def test_settings_of_a_users_own_recipe_change_nothing() -> None:
    assert switches_under(SimpleNamespace(lr=0.1)) == switches()


def test_they_are_put_back_after_an_error(small: Callable[..., ResnetYoloSettings]) -> None:
    with pytest.raises(ValueError, match="lost"), backends(small(tf32="all")):
        raise ValueError("lost")


class Observed:
    """A training that notes the switches under which it computes; see `trainables.loop.Training`."""

    def __init__(self) -> None:
        self.epochs = 2
        self.model: nn.Module = nn.Linear(1, 1)
        self.held: list[Switches] = []

    def phase(self, epoch: int) -> str:
        return "main"

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        self.held.append(switches())
        return {"train": 1.0}, {}

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        self.held.append(switches())
        return {}, {}

    def rates(self) -> dict[str, float]:
        return {}

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: Any) -> None:
        pass


def test_trainings_that_take_turns_do_not_see_each_others(small: Callable[..., ResnetYoloSettings]) -> None:
    trainings = [(Observed(), small(tf32="all")), (Observed(), small(tf32="none", cudnn_benchmark=True))]
    turns = [epochs(training, seed=0, identity="x", resume=None, settings=settings) for training, settings in trainings]
    before = switches()
    for _ in zip(*turns, strict=True):
        assert switches() == before
    for training, settings in trainings:
        assert training.held == [switches_under(settings)] * 4


@dataclass(frozen=True)
class Layout:
    """The one setting that a model's place depends on, and the two that complete the protocol."""

    channels_last: bool
    tf32: str = "convolutions"
    cudnn_benchmark: bool = False


@pytest.mark.parametrize("axes", [2, 3])
def test_with_channels_last_a_convolutions_weights_and_results_lie_so(axes: int, tmp_path: Path) -> None:
    convolution = (nn.Conv2d if axes == 2 else nn.Conv3d)(3, 8, 3)
    layout = torch.channels_last if axes == 2 else torch.channels_last_3d
    cpu, pixels = torch.device("cpu"), torch.rand(2, 3, *[8] * axes)
    expected = convolution(pixels)
    placed(convolution, cpu, Layout(channels_last=False))
    assert not convolution.weight.is_contiguous(memory_format=layout)
    placed(convolution, cpu, Layout(channels_last=True))
    result = convolution(pixels)
    assert result.is_contiguous(memory_format=layout)
    assert torch.allclose(result, expected, atol=1e-5)
    torch.save(convolution.state_dict(), tmp_path / "state.pt")
    convolution.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert convolution.weight.is_contiguous(memory_format=layout)
