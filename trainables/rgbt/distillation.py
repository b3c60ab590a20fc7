"""What a frozen teacher adds to the loss: the distance of the student's features at the neck's levels from its own.

Imitation of features through an adapter is FitNets' (Romero et al., 2015). Adapters, the weighting by the teacher's
scores and the default weight of 6 are those of Ultralytics' own trainer (`ultralytics.nn.distill_model`, 8.4), whose
model is not used here since it wraps the student, hooks into both and takes teachers of the student's planes alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics.nn.tasks import DetectionModel

from trainables.errors import CheckpointError
from trainables.rgbt.model import first_filters


class Distillation:
    """A frozen teacher and the adapters that carry the student's features to its widths.

    Attributes:
        adapters: one for each level; trained with the student, and left behind with the teacher.

    Raises:
        CheckpointError: the teacher's levels are not the student's.
    """

    def __init__(self, teacher: DetectionModel, student: DetectionModel, owner: str) -> None:
        strides, student_strides = (model.stride.tolist() for model in (teacher, student))
        if strides != student_strides:
            raise CheckpointError(
                f"rgbt: {owner}: has strides {strides}, its student {student_strides}; give a YOLO26 detector"
            )
        self._owner = owner
        self._teacher = teacher.eval().requires_grad_(False)
        self._planes = sum(filters.shape[1] for filters in first_filters(teacher))
        self.adapters = nn.ModuleList(
            nn.Sequential(nn.Conv2d(narrow, wide, 1), nn.ReLU(inplace=True), nn.Conv2d(wide, wide, 1))
            for narrow, wide in zip(_widths(student), _widths(teacher), strict=True)
        )

    def state(self) -> dict[str, Any]:
        """The adapters, and a digest of the teacher's weights."""
        return {"adapters": self.adapters.state_dict(), "teacher": self._digest}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned.

        Raises:
            CheckpointError: it was trained by a teacher of other weights.
        """
        if state["teacher"] != self._digest:
            raise CheckpointError(
                f"rgbt: {self._owner}: has other weights than when this training began (digest {self._digest[:8]}, it"
                f" was {state['teacher'][:8]}); restore them, or train from the start"
            )
        self.adapters.load_state_dict(state["adapters"])

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name, value in self._teacher.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def taught(self, planes: Tensor) -> dict[str, Any]:
        """The outputs of the teacher's two heads for `planes` (B, 4, H, W), of which it takes its own 3 or 4."""
        answers: dict[str, Any] = self._teacher(planes[:, : self._planes])[1]
        return answers

    def loss(self, features: list[Tensor], taught: dict[str, Any]) -> Tensor:
        """The mean squared distance of the student's `features` from the teacher's, summed over the levels: a scalar.

        A position of a level is weighted by the teacher's best class score there, of the mean of its two heads' logits.

        Args:
            features: of each level, (B, width, h, w).
            taught: from `taught`, for the same images.
        """
        targets = taught["one2many"]["feats"]
        logits = (taught["one2many"]["scores"] + taught["one2one"]["scores"]) / 2
        positions = [level.shape[2] * level.shape[3] for level in targets]
        scores = logits.sigmoid().amax(dim=1).split(positions, dim=1)
        total: Tensor = logits.new_zeros(())
        for adapter, level, target, score in zip(self.adapters, features, targets, scores, strict=True):
            distances = (adapter(level) - target).square().mean(dim=1).flatten(1)
            total = total + (distances * score).sum() / (score.sum() + 1e-9)
        return total


def _widths(model: DetectionModel) -> list[int]:
    """Channels of the maps that the head gets."""
    head: Any = model.model[-1]
    return [int(branch[0].conv.in_channels) for branch in head.cv2]
