"""Document 004's rare classes.

    python -m tests.bench.documents.document_004 SAMPLE [--against balanced] [--seeds 0 1 2]

For each seed the same training from the same initial weights: as the document trained, with balanced sampling, with a
loss weighted by class, and with a focal loss. What counts is the mean over classes at the last epoch.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from trainables.recipe import Epoch
from trainables.slowfast.data import ThermalData
from trainables.slowfast.recipe import Slowfast

PLAIN = "thermal"
TRAININGS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "balanced": {"sampling": "balanced"},
    "weighted": {"loss": "weighted"},
    "focal": {"loss": "focal"},
}
"""What goes on top of the tiny preset."""


def curve(values: dict[str, Any], data: ThermalData, folder: Path) -> list[Epoch]:
    """One whole training, without its checkpoints."""
    recipe, epochs = Slowfast(), []
    for epoch in recipe.train(recipe.settings("tiny", values), data, folder):
        metrics = ", ".join(f"{name} {epoch.metrics[name]:.3f}" for name in ("mean_class_accuracy", "top1"))
        print(f"{values} epoch {epoch.epoch}: {metrics}", file=sys.stderr, flush=True)
        epochs.append(epoch)
    return epochs


def row(name: str, seed: int, epochs: list[Epoch], names: tuple[str, ...]) -> str:
    """Where a training ended."""
    last, best = epochs[-1].metrics, max(epoch.metrics["mean_class_accuracy"] for epoch in epochs)
    by_class = " ".join(f"{last[f'accuracy/{class_name}']:.2f}" for class_name in names)
    return f"| {name} | {seed} | {last['mean_class_accuracy']:.3f} | {best:.3f} | {last['top1']:.3f} | {by_class} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    others = [name for name in TRAININGS if name != PLAIN]
    parser.add_argument("--against", nargs="+", choices=others, default=others)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = Slowfast().open(given.data)
    ends: dict[str, list[float]] = {name: [] for name in (PLAIN, *given.against)}
    print("| training | seed | mean class accuracy | of the best epoch | top-1 | by class |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            for name, accuracies in ends.items():
                epochs = curve(TRAININGS[name] | {"seed": seed, "epochs": given.epochs}, data, Path(folder))
                accuracies.append(epochs[-1].metrics["mean_class_accuracy"])
                print(row(name, seed, epochs, data.names), flush=True)
    for name in given.against:
        gains = [100 * (accuracy - plain) for accuracy, plain in zip(ends[name], ends[PLAIN], strict=True)]
        by_seed = ", ".join(f"{gain:+.1f}" for gain in gains)
        print(f"\n{name}: {statistics.fmean(gains):+.1f} points on {PLAIN} (by seed: {by_seed})")


if __name__ == "__main__":
    main()
