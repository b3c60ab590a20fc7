"""Files of weights from elsewhere: their numbers are read, nothing that they name is run."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytest
import torch
from torch import nn

from trainables.errors import CheckpointError
from trainables.loop import read
from trainables.vision.weights_only import class_names_in, load_pickled, weights_in


class Bomb:
    """Runs `call` when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.__reduce__ = lambda: (call, arguments)  # type: ignore[method-assign]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()


BOMBS: dict[str, Callable[[Path], Bomb]] = {
    "a system call": lambda went_off: Bomb(os.mkdir, str(went_off)),
    "code": lambda went_off: Bomb(builtins.exec, f"import os; os.mkdir({str(went_off)!r})"),
    "a class": lambda went_off: Bomb(nn.Linear.register_forward_hook, Bomb(os.mkdir, str(went_off))),
}


@pytest.fixture(params=BOMBS)
def bomb(request: pytest.FixtureRequest, tmp_path: Path) -> Bomb:
    return BOMBS[request.param](tmp_path / "went off")


@pytest.fixture
def went_off(tmp_path: Path) -> Path:
    return tmp_path / "went off"


def test_a_bomb_goes_off_where_it_is_unpickled(tmp_path: Path, went_off: Path) -> None:
    """Else the tests below would show nothing."""
    torch.save({"model": BOMBS["code"](went_off)}, tmp_path / "weights.pt")
    torch.load(tmp_path / "weights.pt", weights_only=False)
    assert went_off.exists()


def test_a_bomb_in_a_file_of_weights_does_nothing(bomb: Bomb, tmp_path: Path, went_off: Path) -> None:
    model = nn.Linear(2, 2)
    for content in ({"model": bomb}, bomb, {"model": nn.Sequential(model), "date": bomb}):
        torch.save(content, tmp_path / "weights.pt")
        with suppress(UnpicklingError):  # torch refuses the names of the system's modules by itself
            weights_in(load_pickled(tmp_path / "weights.pt"))
    assert not went_off.exists()


def test_a_bomb_in_a_checkpoint_is_a_damaged_checkpoint(bomb: Bomb, tmp_path: Path, went_off: Path) -> None:
    torch.save({"epoch": 1, "identity": "resnet_yolo", "training": bomb}, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match=r"state\.pt: is damaged or no checkpoint"):
        read(tmp_path)
    assert not went_off.exists()


def test_the_numbers_of_a_pickled_model_are_its_state_dict(tmp_path: Path) -> None:
    """Buffers that a state dict leaves out are left out here too; halves become floats, as Ultralytics does it."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ModuleList([nn.BatchNorm2d(4), nn.SiLU()]))
    model.register_buffer("passing", torch.ones(1), persistent=False)
    model.names = {0: "cow", 1: "calf"}  # type: ignore[assignment]
    torch.save({"ema": None, "model": model.half()}, tmp_path / "weights.pt")
    saved = load_pickled(tmp_path / "weights.pt")
    weights, expected = weights_in(saved), model.float().state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert class_names_in(saved) == {0: "cow", 1: "calf"}


@pytest.mark.parametrize("content", [{}, {"model": {"a": 1}}, [1], {"model": None, "ema": 3}])
def test_a_file_without_a_model_has_no_weights(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "weights.pt")
    assert weights_in(load_pickled(tmp_path / "weights.pt")) == {}
    assert class_names_in(load_pickled(tmp_path / "weights.pt")) == {}
