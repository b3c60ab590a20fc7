"""The columns of `results.csv` of Ultralytics' trainers and their kin."""

from __future__ import annotations

from collections.abc import Sequence

METRICS = (
    *("metrics/mAP50-95(P)", "metrics/mAP50-95(M)", "metrics/mAP50-95(B)"),
    *("metrics/mAP_0.5:0.95(M)", "metrics/mAP_0.5:0.95(B)", "metrics/mAP_0.5:0.95"),
    *("metrics/accuracy_top1", "metrics/mIoU"),
)
"""The objective is the first of them that a file has: of poses and masks before boxes."""


def loss_columns(columns: Sequence[str], prefix: str) -> list[str]:
    """The columns of a loss: its total if there is one, else its parts."""
    if columns.count(f"{prefix}loss") == 1:
        return [f"{prefix}loss"]
    return [name for name in columns if name.startswith(prefix)]


def total(parts: Sequence[float | None]) -> float | None:
    """A loss from its parts; a sum of some of them would be a lower loss."""
    numbers = [part for part in parts if part is not None]
    return sum(numbers) if numbers and len(numbers) == len(parts) else None
