"""Document 000's bar, on the sample pairs: `python -m tests.bench.documents.document_000 SAMPLE/data.yaml [--seeds 3]`.

For each seed the same training with RGB and thermal, and with RGB alone; then one whose thermal filters get no
gradient, which must be reported as collapsed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from trainables.loop import epochs
from trainables.recipe import Epoch
from trainables.rgbt.data import RgbtData
from trainables.rgbt.recipe import Rgbt
from trainables.rgbt.settings import RgbtSettings
from trainables.ultralytics_import import isolated

METRICS = ("night/map50_95", "day/map50_95", "map50_95", "no_thermal/map50_95")


def settings(training: str, seed: int, length: int) -> RgbtSettings:
    return Rgbt().settings("tiny", {"seed": seed, "epochs": length}, training)


def last(run: Iterator[Epoch]) -> Epoch:
    """The epoch that a training ends with, or is stopped at."""
    for epoch in run:
        if epoch.alarm:
            break
    return epoch


def blocked(given: RgbtSettings, data: RgbtData, folder: Path) -> Iterator[Epoch]:
    """A training whose thermal filters never get a gradient."""
    with isolated(folder):
        from trainables.rgbt.model import first_filters
        from trainables.rgbt.training import RgbtTraining
    training = RgbtTraining(given, data)
    planes = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 4, 1, 1)
    first_filters(training._detector)[0].register_hook(lambda gradient: gradient * planes)  # type: ignore[no-untyped-call]
    return epochs(training, seed=given.seed, identity="blocked", resume=None, settings=given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = Rgbt().open(given.data)
    gains: dict[str, list[float]] = {name: [] for name in METRICS[:3]}
    print("| training | epochs | night | day | all | all, thermal blanked | ended |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        for seed in range(given.seeds):
            ends = {}
            for training in ("v1.0", "rgb-only"):
                run = Rgbt().train(settings(training, seed, given.epochs), data, Path(name))
                ends[training] = last(run)
                print(row(f"{training}, seed {seed}", ends[training]), flush=True)
            for metric, values in gains.items():
                values.append(100 * (ends["v1.0"].metrics[metric] - ends["rgb-only"].metrics[metric]))
        stopped = last(blocked(settings("v1.0", 0, given.epochs), data, Path(name)))
        print(row("v1.0, thermal gradient blocked", stopped))
    for metric, values in gains.items():
        print(f"\n{metric}: RGBT ahead by {statistics.fmean(values):.1f} points (worst seed {min(values):.1f})")


def row(name: str, epoch: Epoch) -> str:
    """Where a training ended."""
    cells = " | ".join(f"{epoch.metrics[metric]:.3f}" for metric in METRICS)
    return f"| {name} | {epoch.epoch} | {cells} | {epoch.alarm.detail if epoch.alarm else 'done'} |"


if __name__ == "__main__":
    main()
