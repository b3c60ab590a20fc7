"""A process of an Ultralytics training whose second epoch breaks in one of two."""

from __future__ import annotations

import hashlib
from typing import Any
from unittest.mock import patch

from trainables.rank import Rank
from trainables.ultralytics.processes import ProcessTraining, Trained

TARGET = "tests.support.broken_process:BrokenInSecond"


class BrokenInSecond(ProcessTraining):
    """In the second process the losses of the second epoch are no numbers."""

    def __init__(self, rank: Rank, *arguments: Any) -> None:
        super().__init__(rank, *arguments)
        self._number = rank.number

    def weights(self) -> str:
        """A digest of the parameters."""
        digest = hashlib.sha256()
        for parameter in self._training.model.parameters():
            digest.update(parameter.detach().numpy().tobytes())
        return digest.hexdigest()

    def train(self, epoch: int) -> Trained:
        """See `ProcessTraining.train`."""
        from ultralytics.nn.tasks import DetectionModel

        loss = DetectionModel.loss

        def broken(*arguments: Any, **named: Any) -> Any:
            total, items = loss(*arguments, **named)
            return total, {name: value * float("nan") for name, value in items.items()}

        with patch.object(DetectionModel, "loss", broken if (epoch, self._number) == (2, 1) else loss):
            return super().train(epoch)
