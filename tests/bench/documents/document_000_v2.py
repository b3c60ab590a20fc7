"""Document 000's v2.0 on the sample pairs: `python -m tests.bench.documents.document_000_v2 FOLDER [--seeds 3]`.

The four fusions, RGB alone, and the plain student under a teacher: a larger model that is trained for longer. Each
training's last epoch is kept in FOLDER, where a run that was interrupted goes on; a run that has all prints the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from trainables.recipe import Epoch
from trainables.rgbt.data import RgbtData
from trainables.rgbt.recipe import Rgbt

METRICS = ("map50_95", "day/map50_95", "night/map50_95")
WEIGHTS = (6.0,)
Trained = Mapping[str, float]


def last_epoch(changes: Mapping[str, Any], data: RgbtData, folder: Path) -> tuple[Epoch, float]:
    """The last epoch of a training, and the processor's seconds that it took."""
    began = time.process_time()
    *_, epoch = Rgbt().train(Rgbt().settings("tiny", changes, "v1.0"), data, folder)
    return epoch, time.process_time() - began


def teacher(data: RgbtData, folder: Path, size: str, length: int) -> Path:
    """The checkpoint of the teacher, trained if it is not there yet."""
    checkpoint = folder / f"teacher-{size}-{length}"
    if not (checkpoint / "score.json").exists():
        checkpoint.mkdir(parents=True, exist_ok=True)
        epoch, seconds = last_epoch({"model": size, "epochs": length, "seed": 100}, data, folder)
        epoch.save(checkpoint)
        (checkpoint / "score.json").write_text(json.dumps({**epoch.metrics, "seconds": seconds}))
    return checkpoint


FUSIONS: dict[str, dict[str, Any]] = {
    **{name: {"fusion": name} for name in ("concat", "gated", "attention", "two-stream")},
    "rgb-only": {"modality": "rgb"},
}


def taught(by: Path) -> dict[str, dict[str, Any]]:
    """The plain student under the teacher `by`."""
    return {f"concat, teacher, weight {weight:g}": {"teacher": str(by), "distill_weight": weight} for weight in WEIGHTS}


def row(name: str, results: list[Trained], plain: list[Trained]) -> str:
    """Mean and standard deviation of each metric over the seeds, and the mean of the pairwise gains on `plain`."""
    cells = []
    for metric in METRICS:
        values = [result[metric] for result in results]
        gains = [100 * (value - base[metric]) for value, base in zip(values, plain, strict=True)]
        spread = statistics.stdev(gains) if len(gains) > 1 else 0.0
        cells.append(f"{statistics.fmean(values):.3f} | {statistics.fmean(gains):+.1f} ± {spread:.1f}")
    cost = statistics.fmean(result["seconds"] for result in results)
    return f"| {name} | {' | '.join(cells)} | {cost:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--teacher", default="n", help="size of the teacher")
    parser.add_argument("--teacher-epochs", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    data = Rgbt().open(Rgbt().sample(given.folder / "sample"))
    results: dict[str, list[Trained]] = {}

    def train(compared: Mapping[str, Mapping[str, Any]]) -> None:
        for seed in range(given.seeds):
            for name, changes in compared.items():
                file = given.folder / f"{name}-{seed}-{given.epochs}.json"
                if not file.exists():
                    epoch, seconds = last_epoch({**changes, "epochs": given.epochs, "seed": seed}, data, given.folder)
                    file.write_text(json.dumps({**epoch.metrics, "seconds": seconds}))
                results.setdefault(name, []).append(json.loads(file.read_text()))

    train(FUSIONS)
    taught_by = teacher(data, given.folder, given.teacher, given.teacher_epochs)
    train(taught(taught_by))
    score = json.loads((taught_by / "score.json").read_text())
    reached = ", ".join(f"{metric} {score[metric]:.3f}" for metric in METRICS)
    print(f"Teacher: model {given.teacher}, {given.teacher_epochs} epochs: {reached}\n")
    print("| training | all | gain, points | day | gain | night | gain | CPU s |\n|" + " --- |" * 8)
    for name, trained in results.items():
        print(row(name, trained, results["concat"]))


if __name__ == "__main__":
    main()
