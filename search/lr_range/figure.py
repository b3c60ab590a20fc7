"""The figure of a learning rate range test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from search.lr_range.finding import RateRange, RateResult


def write(results: Sequence[RateResult], rate_range: RateRange, path: Path) -> None:
    """Write a PNG of loss against learning rate, with the range to search shaded.

    The RefDet few-shot guide (document 003) plots it in this way.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    finite = [result for result in results if math.isfinite(result.loss)]
    axes.plot([result.rate for result in finite], [result.loss for result in finite], marker="o", color="tab:blue")
    axes.axvspan(rate_range.low, rate_range.high, color="tab:green", alpha=0.15, label="range to search")
    axes.axvline(rate_range.steepest, color="tab:gray", linestyle=":", label="steepest descent")
    if rate_range.blow_up is not None:
        axes.axvline(rate_range.blow_up, color="tab:red", linestyle="--", label="blows up")
    # Losses far above the first would squeeze the part of the curve that matters: the axis ends a quarter above it.
    first_loss = results[0].loss
    axes.set_ylim(top=first_loss + 0.25 * (first_loss - min(result.loss for result in finite)))
    axes.set(xscale="log", xlabel="learning rate", ylabel=f"training loss after {len(results[0].losses)} epochs")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
