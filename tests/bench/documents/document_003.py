"""Whether the references are used: `python -m tests.bench.documents.document_003 SAMPLE [--seeds 0 1 2] [--fresh 8]`.

For each seed one training of stage 2 on the sample videos, and what it finds of classes that it never saw: with their
own reference images, and with those of another class. With `--fresh` the last checkpoint is evaluated on more such test
splits too, of the same classes and size but of other frames and references: by how much the result hangs on which
frames are held out.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch

from trainables.refdet.recipe import Refdet
from trainables.samples.reference_videos import write_refdet

CLASSES_TO_OPEN = 8
"""Training videos of a fresh split, which nothing trains on: a data set must have some."""


def row(seed: int, test: str, metrics: Mapping[str, float]) -> str:
    """A line of the table."""
    right, wrong = metrics["map50"], metrics["shuffled/map50"]
    ends = f"{metrics['map50_95']:.3f} | {metrics['shuffled/map50_95']:.3f}"
    return f"| {seed} | {test} | {right:.3f} | {wrong:.3f} | {right / max(wrong, 1e-3):.1f} | {ends} |"


def mean(tested: list[Mapping[str, float]]) -> Mapping[str, float]:
    """The mean of each metric."""
    return {name: statistics.fmean(metrics[name] for metrics in tested) for name in tested[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--turn", type=float, help="in place of the preset's")
    parser.add_argument("--fresh", type=int, default=0, help="other test splits")
    given = parser.parse_args()
    own_turn = {} if given.turn is None else {"turn": given.turn}
    torch.set_num_threads(1)
    recipe = Refdet()
    data = recipe.open(given.data)
    print("| seed | test split | map50 | map50, shuffled | times | map50_95 | map50_95, shuffled |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fresh = [
            recipe.open(write_refdet(folder / f"fresh-{number}", train=CLASSES_TO_OPEN, seed=number))
            for number in range(1, given.fresh + 1)
        ]
        for seed in given.seeds:
            settings = recipe.settings("tiny", {"seed": seed, "epochs": given.epochs} | own_turn, "stage-2")
            for epoch in recipe.train(settings, data, folder):
                print(f"seed {seed} epoch {epoch.epoch}: {epoch.metrics['map50']:.3f}", file=sys.stderr, flush=True)
            checkpoint = folder / f"checkpoint-{seed}"
            checkpoint.mkdir()
            epoch.save(checkpoint)
            print(row(seed, "the sample's", epoch.metrics), flush=True)
            tested = [recipe.evaluate(settings, other, folder, checkpoint) for other in fresh]
            for number, metrics in enumerate(tested, start=1):
                print(row(seed, f"fresh {number}", metrics), flush=True)
            if tested:
                print(row(seed, f"mean of {len(tested)} fresh", mean(tested)), flush=True)


if __name__ == "__main__":
    main()
