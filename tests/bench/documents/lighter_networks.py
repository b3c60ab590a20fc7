"""SlowOnly and X3D against SlowFast, on the sample of slowfast at equal epochs.

    python -m tests.bench.documents.lighter_networks SAMPLE [--networks slowfast slow x3d] [--seeds 0 1 2] [--epochs 15]

First the sizes of document 004's networks and of the tiny ones, and the CPU seconds of a training step of the tiny ones
on one batch, the fastest of ten that take turns; then a training of each tiny one on each seed, with balanced sampling.
Without a seed (`--seeds` alone) nothing is trained.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from trainables.slowfast.data import ThermalData
from trainables.slowfast.recipe import Slowfast
from trainables.slowfast.settings import SlowfastSettings
from trainables.slowfast.training import new_network

PAPER = {"slowfast": "thermal", "slow": "slow-only", "x3d": "x3d"}
"""The named training of each network."""
TINY: dict[str, dict[str, Any]] = {
    "slowfast": {},
    "slow": {"model": "slow"},
    "x3d": {"model": "x3d", "stem_width": 16, "x3d_depth": 1.0},
}
"""What goes on top of the tiny preset."""


def size(settings: SlowfastSettings, classes: int) -> str:
    """Millions of parameters, and 10^9 multiply-adds of one clip."""
    with torch.device("meta"):
        network = new_network(settings, classes).eval()
        clip = torch.empty(1, 3, settings.frames, *settings.input_size)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(clip)
    millions = sum(value.numel() for value in network.parameters()) / 1e6
    return f"{millions:.2f} | {counter.get_total_flops() / 2e9:.3f}"


def step_seconds(networks: list[str], classes: int) -> dict[str, float]:
    """CPU seconds, forwards and backwards, of one batch of the tiny preset, by network."""
    fastest = dict.fromkeys(networks, float("inf"))
    settings = {name: Slowfast().settings("tiny", TINY[name]) for name in networks}
    models = {name: new_network(settings[name], classes).train() for name in networks}
    for _ in range(10):
        for name, model in models.items():
            clips = torch.rand(settings[name].batch, 3, settings[name].frames, *settings[name].input_size)
            began = time.process_time()
            model(clips).sum().backward()
            fastest[name] = min(fastest[name], time.process_time() - began)
    return fastest


def trained(settings: SlowfastSettings, data: ThermalData, folder: Path) -> tuple[list[float], float]:
    """The metric of each epoch, and the CPU seconds of an epoch, its evaluation included: the median's."""
    values, seconds, began = [], [], time.process_time()
    for epoch in Slowfast().train(settings, data, folder):
        values.append(epoch.metrics["mean_class_accuracy"])
        seconds.append(time.process_time() - began)
        began = time.process_time()
        print(f"{settings.model} seed {settings.seed} {epoch.epoch}: {values[-1]:.3f}", file=sys.stderr, flush=True)
    return values, statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", nargs="+", choices=list(TINY), default=list(TINY))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Slowfast()
    data = recipe.open(given.data)
    steps = step_seconds(given.networks, len(data.names))
    print("| network | preset | parameters, 10^6 | multiply-adds of a clip, 10^9 | CPU seconds of a step |")
    print("| --- | --- | --- | --- | --- |")
    for name in given.networks:
        print(f"| {name} | paper | {size(recipe.settings('paper', {}, PAPER[name]), 14)} | |")
        print(f"| {name} | tiny | {size(recipe.settings('tiny', TINY[name]), len(data.names))} | {steps[name]:.3f} |")
    print("\n| network | seed | mean class accuracy | of the best epoch | CPU seconds an epoch |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            for name in given.networks:
                values = TINY[name] | {"seed": seed, "epochs": given.epochs, "sampling": "balanced"}
                curve, seconds = trained(recipe.settings("tiny", values), data, Path(folder))
                print(f"| {name} | {seed} | {curve[-1]:.3f} | {max(curve):.3f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
