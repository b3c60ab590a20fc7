"""What a stage before another one brings: document 000's order, on the sample of resnet_yolo.

    python -m tests.bench.documents.stages [--images 200] [--seeds 0 1 2] [--epochs 10] [--small]

The second stage finds threes and sevens; `--images` says how many pictures it has to train on. The first finds fours
and nines in 200 others. Two stages of `--epochs` each are compared with the second alone: with as many epochs in all,
and with as many pictures seen in all. `--small` takes 64 pixels and half the tiny width.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from trainables.resnet_yolo.data import YoloData
from trainables.resnet_yolo.recipe import ResnetYolo
from trainables.samples.digits import write_yolo
from trainables.start import start_settings

FIRST_IMAGES = 200
SMALL: dict[str, Any] = {"image_size": 64, "widths": [8, 16, 32, 64], "neck_channels": 16}


def trained(data: YoloData, epochs: int, seed: int, export: Path, **settings: Any) -> float:
    """`map50_95` after a whole training of the tiny preset, whose last checkpoint is left in `export`."""
    recipe = ResnetYolo()
    values = recipe.settings("tiny", {"epochs": epochs, "seed": seed, **settings})
    export.mkdir(parents=True)
    value = 0.0
    for epoch in recipe.train(values, data, export):
        value = epoch.metrics["map50_95"]
        print(f"{export.name} epoch {epoch.epoch}: {value:.3f}", file=sys.stderr, flush=True)
        if epoch.epoch == epochs:
            (export / "checkpoint").mkdir()
            epoch.save(export / "checkpoint")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe, epochs, size = ResnetYolo(), given.epochs, SMALL if given.small else {}
    side = size.get("image_size", 96)
    seen = epochs + epochs * FIRST_IMAGES // given.images
    gains: dict[str, list[float]] = {}
    print(
        f"| seed | two stages of {epochs} | alone, {2 * epochs} epochs | alone, {seen} epochs | two stages begin at |"
    )
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = recipe.open(write_yolo(folder / "first", digits=(4, 9), train=FIRST_IMAGES, val=20, size=side, seed=1))
        second = recipe.open(write_yolo(folder / "second", digits=(3, 7), train=given.images, val=100, size=side))
        for seed in given.seeds:
            runs = folder / str(seed)
            trained(first, epochs, seed, runs / "first", **size)
            start = start_settings(recipe, runs / "first")
            staged = trained(second, epochs, seed, runs / "staged", **size, **start)
            once = trained(second, 1, seed, runs / "once", **size, **start)
            alone = {
                length: trained(second, length, seed, runs / f"alone-{length}", **size) for length in {2 * epochs, seen}
            }
            print(f"| {seed} | {staged:.3f} | {alone[2 * epochs]:.3f} | {alone[seen]:.3f} | {once:.3f} |", flush=True)
            for length, value in alone.items():
                gains.setdefault(f"alone, {length} epochs", []).append(staged - value)
    for name, differences in gains.items():
        by_seed = ", ".join(f"{gain:+.3f}" for gain in differences)
        print(f"\ntwo stages against {name}: {statistics.fmean(differences):+.3f} (by seed: {by_seed})")


if __name__ == "__main__":
    main()
