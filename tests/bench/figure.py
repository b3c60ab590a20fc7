"""All learning curves of a sweep, coloured by what became of them: `python figure.py SWEEPS NAME OUT.png`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from search.folder import SweepFolder
from search.journal import read
from search.overview import label
from search.state import SweepState

COLOURS = {"done": "tab:green", "rung": "tab:orange", "budget": "tab:gray"}


def main() -> None:
    root, name, target = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    folder = SweepFolder.existing(root, name)
    state = SweepState(folder.plan())
    for row in read(folder.journal):
        state.apply(row)
    figure, axes = plt.subplots(figsize=(8, 4.2), dpi=110)
    for trial in state.search:
        reason = trial.decision.reason if trial.decision else "running"
        colour = COLOURS.get(reason, "tab:red")
        epochs = [point.epoch for point in trial.curve.evaluated]
        values = [point.value for point in trial.curve.evaluated if point.value is not None]
        axes.plot(epochs, values, color=colour, linewidth=2 if trial.started.named else 1, alpha=0.8)
        if reason != "done":
            axes.plot(epochs[-1:], values[-1:], "x", color=colour)
        if trial.started.named:
            axes.annotate(label(trial), (epochs[-1], values[-1]), textcoords="offset points", xytext=(5, 3), fontsize=9)
    for reason in ("done", "rung"):
        axes.plot(
            [], [], color=COLOURS[reason], label={"done": "trained to the end", "rung": "stopped at a rung"}[reason]
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(state.plan.recipe.metric)
    axes.legend(loc="upper left", frameon=False)
    axes.set_title(
        f"{len(state.search)} trials of {state.plan.recipe.name}, {state.plan.spec.preset} preset", fontsize=10
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(target)


if __name__ == "__main__":
    main()
