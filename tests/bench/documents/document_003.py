"""Whether the references are used: `python -m tests.bench.documents.document_003 SAMPLE [--seeds 0 1 2]`.

For each seed one training of stage 2 on the sample videos, and what it finds of classes that it never saw: with their
own reference images, and with those of another class.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from trainables.refdet.recipe import Refdet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--turn", type=float, help="in place of the preset's")
    given = parser.parse_args()
    own_turn = {} if given.turn is None else {"turn": given.turn}
    torch.set_num_threads(1)
    data = Refdet().open(given.data)
    print("| seed | epoch | map50 | map50, shuffled | times | map50_95 | map50_95, shuffled |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        for seed in given.seeds:
            settings = Refdet().settings("tiny", {"seed": seed, "epochs": given.epochs} | own_turn, "stage-2")
            for epoch in Refdet().train(settings, data, Path(name)):
                print(f"seed {seed} epoch {epoch.epoch}: {epoch.metrics['map50']:.3f}", file=sys.stderr, flush=True)
            own, wrong = epoch.metrics["map50"], epoch.metrics["shuffled/map50"]
            ends = f"{epoch.metrics['map50_95']:.3f} | {epoch.metrics['shuffled/map50_95']:.3f}"
            print(
                f"| {seed} | {epoch.epoch} | {own:.3f} | {wrong:.3f} | {own / max(wrong, 1e-3):.1f} | {ends} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
