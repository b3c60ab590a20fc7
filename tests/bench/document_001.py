"""Document 001's `smooth` against `stable-v3`: `python tests/bench/document_001.py SAMPLE [--seeds 5]`.

For each seed, both trainings in the tiny preset to their ends: the drops of the validation mAP from one epoch to the
next, the mAP at equal epochs, and how much the training loss varies (document 001's CV, and with its trend taken out).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from trainables.recipe import Epoch
from trainables.yolox.recipe import Yolox

WARMUP = 3
"""Epochs left out of the variation of the loss: those of the longer warm-up."""


def drops(values: list[float]) -> list[float]:
    """How far each epoch fell below the one before, where it did."""
    return [before - after for before, after in pairwise(values) if after < before]


def variation(losses: list[float]) -> tuple[float, float]:
    """Standard deviation of the loss over its mean, and of its steps from epoch to epoch over the same mean."""
    steps = [after - before for before, after in pairwise(losses)]
    mean = statistics.fmean(losses)
    return statistics.stdev(losses) / mean, statistics.stdev(steps) / mean


def row(training: str, seed: int, curve: list[Epoch]) -> str:
    """One training in a line of the table."""
    values = [epoch.metrics["map50"] for epoch in curve]
    fell = drops(values)
    cv, around = variation([epoch.losses["train"] for epoch in curve[WARMUP:]])
    at = " | ".join(f"{curve[epoch - 1].metrics['map50_95']:.3f}" for epoch in (3, 5, 10, len(curve)))
    worst = max(fell, default=0.0)
    return f"| {training} | {seed} | {len(fell)} | {worst:.3f} | {sum(fell):.3f} | {at} | {cv:.3f} | {around:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    recipe = Yolox()
    data = recipe.open(given.data)
    print("| training | seed | drops | largest | sum | epoch 3 | 5 | 10 | last | CV of the loss | of its steps |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    curves: dict[str, list[list[Epoch]]] = {"smooth": [], "stable-v3": []}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.seeds):
            for training, found in curves.items():
                settings = recipe.settings("tiny", {"seed": seed}, training)
                found.append(list(recipe.train(settings, data, Path(folder))))
                print(row(training, seed, found[-1]), flush=True)
                print(*(f"{epoch.metrics['map50']:.2f}" for epoch in found[-1]), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
