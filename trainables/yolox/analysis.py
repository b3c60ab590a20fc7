"""Document 001's analysis of a training: how its loss fell in each phase, how steadily, and its best epochs.

The document's measures are kept as they are. Its coefficient of variation (CV) mixes the fall of a curve with its
noise, so two trainings compare by it only if they fall alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from trainables.recipe import Epoch

BEST = 5
"""Epochs in the document's table of best checkpoints."""


def variation(losses: Sequence[float]) -> float:
    """Standard deviation over mean: the document's CV, as a share; 0 for a single value."""
    return statistics.stdev(losses) / statistics.fmean(losses) if len(losses) > 1 else 0.0


def analysis(epochs: Sequence[Epoch]) -> str:
    """The analysis of a training's `epochs`, its first to its last, as Markdown; losses are means over an epoch."""
    losses = [epoch.losses["train"] for epoch in epochs]
    settled = [epoch.losses["train"] for epoch in epochs if epoch.phase != "warmup"]
    lines = ["| phase | epochs | loss | change | mean ± std | CV |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [_phase(name, [epoch for epoch in epochs if epoch.phase == name]) for name in _phases(epochs)]
    lines += [
        "",
        f"Loss {losses[0]:.2f} → {losses[-1]:.2f} ({losses[-1] / losses[0] - 1:+.1%}), CV {variation(losses):.2%}",
    ]
    if settled:
        lines[-1] += f"; after warm-up {variation(settled):.2%}"
    lines += ["", "| rank | epoch | loss | phase |", "| --- | --- | --- | --- |"]
    ranked = sorted(epochs, key=lambda epoch: epoch.losses["train"])[:BEST]
    lines += [
        f"| {rank} | {epoch.epoch} | {epoch.losses['train']:.3f} | {epoch.phase} |"
        for rank, epoch in enumerate(ranked, start=1)
    ]
    return "\n".join(lines) + "\n"


def _phases(epochs: Sequence[Epoch]) -> list[str]:
    return list(dict.fromkeys(epoch.phase for epoch in epochs))


def _phase(name: str, epochs: Sequence[Epoch]) -> str:
    losses = [epoch.losses["train"] for epoch in epochs]
    spread = statistics.stdev(losses) if len(losses) > 1 else 0.0
    span = f"{epochs[0].epoch}–{epochs[-1].epoch}"
    return (
        f"| {name} | {span} | {losses[0]:.2f} → {losses[-1]:.2f} | {losses[-1] / losses[0] - 1:+.1%}"
        f" | {statistics.fmean(losses):.2f} ± {spread:.2f} | {variation(losses):.2%} |"
    )
