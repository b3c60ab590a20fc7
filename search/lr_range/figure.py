"""The figure of a learning rate range test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from search.lr_range.finding import Finding, Tried


def write(tried: Sequence[Tried], found: Finding, path: Path) -> None:
    """Loss against learning rate, as document 003 plots it, with the range to search shaded."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    kept = [one for one in tried if math.isfinite(one.loss)]
    axes.plot([one.rate for one in kept], [one.loss for one in kept], marker="o", color="tab:blue")
    axes.axvspan(found.low, found.high, color="tab:green", alpha=0.15, label="to search")
    axes.axvline(found.steepest, color="tab:gray", linestyle=":", label="steepest descent")
    if found.blow_up is not None:
        axes.axvline(found.blow_up, color="tab:red", linestyle="--", label="blows up")
    reference = tried[0].loss
    axes.set_ylim(top=reference + 0.25 * (reference - min(one.loss for one in kept)))
    axes.set(xscale="log", xlabel="learning rate", ylabel=f"training loss after {len(tried[0].losses)} epochs")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
