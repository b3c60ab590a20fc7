"""The table and the figure of a comparison."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from tests.bench.public.halves import Halved
from tests.bench.public.intervals import of_mean, of_ratio
from tests.bench.public.virtual import COLUMNS

mpl.use("Agg")
from matplotlib import pyplot as plt

KINDS = {
    "steadytune": ("steadytune", "tab:green", "o"),
    "Ray": ("Ray Tune", "tab:red", "s"),
    "Optuna": ("Optuna", "tab:orange", "^"),
    "Syne": ("Syne Tune", "tab:purple", "D"),
    "": ("W&B's and simple rules", "tab:gray", "x"),
}
"""By how a rule's name begins: whose it is, and how it is drawn."""
EPOCHS, REGRET, SEEN, MISSED, TIME, OBJECTIVE, BY_END = (COLUMNS.index(name) for name in COLUMNS)
HEAD = (
    "| rule | epochs | regret [95 %] | median | worst group | best run not finished | regret of best seen "
    "| regret by the objective [95 %] | of the run that ended best | time |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(name: str, outcomes: np.ndarray, drawn: list[np.ndarray]) -> str:
    """One rule's line; all numbers in per cent."""
    regret = outcomes[:, REGRET]
    low, high = of_mean(regret, drawn)
    objective_low, objective_high = of_mean(outcomes[:, OBJECTIVE], drawn)
    means = 100 * outcomes.mean(axis=0)
    shown = name.replace("  ", "&nbsp;&nbsp;", 1) if name.startswith("  ") else name
    return (
        f"| {shown} | {means[EPOCHS]:.1f} | {means[REGRET]:.2f} [{100 * low:.2f}, {100 * high:.2f}] "
        f"| {100 * np.median(regret):.2f} | {100 * regret.max():.1f} | {means[MISSED]:.0f} "
        f"| {means[SEEN]:.2f} | {means[OBJECTIVE]:.2f} [{100 * objective_low:.2f}, {100 * objective_high:.2f}] "
        f"| {means[BY_END]:.2f} | {means[TIME]:.0f} |"
    )


def against(name: str, outcomes: np.ndarray, stock: np.ndarray, drawn: list[np.ndarray]) -> str:
    """One line of the comparison with a stock point."""
    epochs = outcomes[:, EPOCHS].mean() / stock[:, EPOCHS].mean()
    regret = outcomes[:, REGRET].mean() / stock[:, REGRET].mean()
    low, high = of_ratio(outcomes[:, REGRET], stock[:, REGRET], drawn)
    objective = outcomes[:, OBJECTIVE].mean() / stock[:, OBJECTIVE].mean()
    objective_low, objective_high = of_ratio(outcomes[:, OBJECTIVE], stock[:, OBJECTIVE], drawn)
    return (
        f"| {name} | {epochs:.2f} | {regret:.2f} [{low:.2f}, {high:.2f}] "
        f"| {objective:.2f} [{objective_low:.2f}, {objective_high:.2f}] |"
    )


def split_row(name: str, halved: Halved) -> str:
    """One line of the cross-validation."""
    return (
        f"| {name} | {100 * halved.stock_epochs:.1f} / {100 * halved.stock_regret:.2f} "
        f"| {100 * halved.epochs:.1f} / {100 * halved.regret:.2f} | {halved.regret / halved.stock_regret:.2f} "
        f"| {100 * halved.half:.0f} | {halved.chosen} |"
    )


def frontier(by_name: dict[str, np.ndarray], path: Path) -> None:
    """Regret against epochs, one point a rule; ours, and what ours is measured against, by name."""
    figure, axes = plt.subplots(figsize=(9, 6))
    for name, rows in by_name.items():
        if name.startswith("  ") or name == "everything trained":
            continue
        epochs, regret = 100 * rows[:, EPOCHS].mean(), max(0.05, 100 * rows[:, REGRET].mean())
        whose, colour, marker = next(kind for begins, kind in KINDS.items() if name.startswith(begins))
        axes.scatter(epochs, regret, color=colour, marker=marker, label=whose)
        if name.startswith(("steadytune", "Ray ASHA, factor 3, grace")):
            axes.annotate(name, (epochs, regret), fontsize=8, xytext=(5, 4), textcoords="offset points")
    once = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(once.values(), once.keys(), loc="center right")
    axes.set_yscale("log")
    axes.set_xlabel("epochs trained, % of all")
    axes.set_ylabel("regret of the best run trained to its end, % (at least 0.05 drawn)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
