"""Mixed precision: forward passes in 16 bits where that is safe, weights and losses in 32.

bfloat16 has float32's range, so its gradients need no care. float16, for GPUs without bfloat16, has a thousandth of
it. So the loss is scaled up before the backward pass and the gradients down before the step, and a step whose gradients
overflowed is left out (Micikevicius et al. 2018; `torch.amp.GradScaler`).

The recipes leave the autocast before they decode boxes and compute losses: bfloat16 has 8 significant bits, which put
a box in a picture of 1,440 pixels off by up to 4, and float16 ends at 65,504.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

ValueT = TypeVar("ValueT")


def mixed_dtype(device: torch.device) -> torch.dtype:
    """The 16-bit numbers that `device` computes with: bfloat16 if it has them in hardware, or is no GPU."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


class Precision:
    """The numbers that one training computes in. For float32 every method does what torch does by itself.

    Args:
        device: that the training is on.
        mixed: whether forward passes are in 16 bits.
    """

    def __init__(self, device: torch.device, mixed: bool) -> None:
        self.device = device
        self._mixed = mixed
        self._dtype = mixed_dtype(device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=mixed and self._dtype == torch.float16)

    def autocast(self) -> torch.autocast:
        """The block of a forward pass."""
        return torch.autocast(self.device.type, self._dtype, enabled=self._mixed)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of `loss`; they are scaled until `unscale` or `step`."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Give the gradients their true size, before they are looked at or clipped. At most once a step."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """One step, unless a gradient overflowed; then the next losses are scaled by half as much."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        """What the next step depends on: {"scaler": …} in float16, nothing otherwise."""
        return {"scaler": self._scaler.state_dict()} if self._scaler.is_enabled() else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned, from a whole checkpoint; one from another kind of GPU may have none."""
        if self._scaler.is_enabled() and "scaler" in state:
            self._scaler.load_state_dict(state["scaler"])


def full(value: ValueT) -> ValueT:
    """`value` with the 16-bit tensors in it, also in lists, tuples and dictionaries, as float32."""
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value  # type: ignore[return-value]
    if isinstance(value, dict):
        return type(value)((name, full(part)) for name, part in value.items())
    if isinstance(value, (list, tuple)):
        parts = [full(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
