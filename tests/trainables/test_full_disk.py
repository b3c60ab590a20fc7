from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.loop import epochs
from trainables.settings import Settings


class Nothing:
    """A training without work."""

    epochs = 1
    model: torch.nn.Module = torch.nn.Linear(1, 1)

    def phase(self, epoch: int) -> str:
        return "main"

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        return {"train": 1.0}, {}

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        return {}, {}

    def rates(self) -> dict[str, float]:
        return {}

    def state(self) -> dict[str, Any]:
        return {"model": self.model.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])


def test_a_checkpoint_on_a_full_disk_says_that_the_disk_is_full(tmp_path: Path) -> None:
    (tmp_path / "state.pt").symlink_to("/dev/full")
    epoch = next(epochs(Nothing(), seed=0, identity="nothing", resume=None, settings=Settings()))
    with pytest.raises(OSError, match="No space left") as raised:
        epoch.save(tmp_path)
    assert raised.value.errno == errno.ENOSPC
