"""Mixed precision: which numbers, the scaler of float16, and that without it nothing is changed."""

from __future__ import annotations

import io
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from trainables import precision
from trainables.precision import Precision, full, mixed_dtype

CPU = torch.device("cpu")
HUGE = 1e36
"""A loss whose gradients, scaled by 65,536, are beyond float32."""


@pytest.fixture
def float16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device without bfloat16."""
    monkeypatch.setattr(precision, "mixed_dtype", lambda device: torch.float16)


class Trained:
    """A weight of 1 that is trained to be small."""

    def __init__(self, mixed: bool) -> None:
        self.weight = nn.Parameter(torch.ones(1))
        self.optimizer = torch.optim.SGD([self.weight], lr=0.5)
        self.precision = Precision(CPU, mixed)

    def step(self, loss: float = 1.0) -> float:
        self.optimizer.zero_grad()
        self.precision.backward((self.weight * loss).sum())
        self.precision.step(self.optimizer)
        return float(self.weight.detach())


def test_a_device_that_is_no_gpu_computes_in_bfloat16() -> None:
    assert mixed_dtype(CPU) == torch.bfloat16


@pytest.mark.parametrize(("has_bfloat16", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_computes_in_float16_if_it_only_emulates_bfloat16(
    monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, dtype: torch.dtype
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return has_bfloat16 or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert mixed_dtype(torch.device("cuda")) == dtype


@pytest.mark.parametrize(("mixed", "dtype"), [(False, torch.float32), (True, torch.bfloat16)])
def test_convolutions_are_in_16_bits_only_where_it_is_asked_for(mixed: bool, dtype: torch.dtype) -> None:
    with Precision(CPU, mixed).autocast():
        assert nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2)).dtype == dtype


@pytest.mark.parametrize("mixed", [False, True])
def test_in_float32_and_bfloat16_a_step_is_the_optimizers_own(mixed: bool) -> None:
    trained = Trained(mixed)
    assert trained.step() == 0.5
    assert trained.precision.state() == {}
    trained.precision.load_state({"model": {}})


def test_in_float16_the_gradients_are_scaled_and_brought_back(float16: None) -> None:
    trained = Trained(mixed=True)
    trained.precision.backward(trained.weight.sum())
    assert float(trained.weight.grad) == 65536.0  # type: ignore[arg-type]
    trained.precision.unscale(trained.optimizer)
    assert float(trained.weight.grad) == 1.0  # type: ignore[arg-type]
    trained.precision.step(trained.optimizer)
    assert float(trained.weight.detach()) == 0.5


def test_in_float16_a_step_whose_gradients_overflow_is_left_out_and_the_scale_halved(float16: None) -> None:
    trained = Trained(mixed=True)
    assert trained.step(HUGE) == 1.0
    assert trained.precision.state()["scaler"]["scale"] == 32768.0
    assert trained.step() == 0.5


def test_the_scaler_goes_on_from_a_checkpoint(float16: None) -> None:
    trained, resumed = Trained(mixed=True), Trained(mixed=True)
    trained.step(HUGE)
    file = io.BytesIO()
    torch.save({"model": {}} | trained.precision.state(), file)
    file.seek(0)
    resumed.precision.load_state(torch.load(file, weights_only=True))
    assert resumed.precision.state() == trained.precision.state()


def test_the_scaler_starts_anew_from_a_checkpoint_of_a_device_with_bfloat16(float16: None) -> None:
    trained = Trained(mixed=True)
    trained.precision.load_state({"model": {}})
    assert trained.precision.state()["scaler"]["scale"] == 65536.0


class Pair(NamedTuple):
    first: Tensor
    others: list[Tensor]


def test_full_takes_16_bit_numbers_out_of_whatever_a_model_returns() -> None:
    half, whole = torch.ones(1, dtype=torch.bfloat16), torch.ones(1, dtype=torch.int64)
    given = {"pair": Pair(half, [half.half(), whole]), "both": (half, None), "name": "x"}
    result = full(given)
    assert isinstance(result["pair"], Pair)
    assert result["pair"].first.dtype == result["pair"].others[0].dtype == torch.float32
    assert result["pair"].others[1].dtype == torch.int64
    assert result["both"] == (torch.ones(1), None)
    assert result["name"] == "x"
