"""Document 000's v2.0 on the sample pairs: `python -m tests.bench.documents.document_000_v2 FOLDER [--seeds 3]`.

The four fusions, RGB alone, and the plain student under a teacher: a larger model that is trained for longer. Each
training's last epoch is kept in FOLDER, where a run that was interrupted goes on; a run that has all prints the table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from trainables.rgbt.recipe import Rgbt

METRICS = ("map50_95", "day/map50_95", "night/map50_95")
WEIGHTS = (6.0,)
FUSIONS: dict[str, dict[str, Any]] = {
    **{name: {"fusion": name} for name in ("concat", "two-stream", "attention", "gated")},
    "rgb-only": {"modality": "rgb"},
}
Trained = Mapping[str, float]


@dataclass(frozen=True)
class Job:
    """One training: what differs from v1.0 in the tiny preset, and the folder that keeps its end."""

    name: str
    changes: Mapping[str, Any]
    folder: Path

    @property
    def result(self) -> Path:
        """The file with its last metrics."""
        return self.folder / self.name / "result.json"


def train(job: Job) -> None:
    """Train, unless an earlier run has; keeps the last checkpoint."""
    if job.result.exists():
        return
    torch.set_num_threads(1)
    data = Rgbt().open(job.folder / "sample" / "data.yaml")
    checkpoint = job.result.parent
    shutil.rmtree(checkpoint, ignore_errors=True)
    checkpoint.mkdir()
    began = time.process_time()
    *_, epoch = Rgbt().train(Rgbt().settings("tiny", job.changes, "v1.0"), data, job.folder)
    epoch.save(checkpoint)
    job.result.write_text(json.dumps({**epoch.metrics, "seconds": time.process_time() - began}))


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
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    Rgbt().sample(given.folder / "sample")

    def jobs(compared: Mapping[str, Mapping[str, Any]]) -> list[Job]:
        lengths = {"epochs": given.epochs}
        return [
            Job(f"{name}-{seed}-{given.epochs}", {**changes, **lengths, "seed": seed}, given.folder)
            for seed in range(given.seeds)
            for name, changes in compared.items()
        ]

    of_teacher = {"model": given.teacher, "epochs": given.teacher_epochs, "seed": 100}
    teacher = Job(f"teacher-{given.teacher}-{given.teacher_epochs}", of_teacher, given.folder)
    taught = {
        f"concat, teacher, weight {weight:g}": {"teacher": str(teacher.result.parent), "distill_weight": weight}
        for weight in WEIGHTS
    }
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(train, [teacher, *jobs(FUSIONS)]))
        list(pool.map(train, jobs(taught)))
    results: dict[str, list[Trained]] = {}
    for job in jobs(FUSIONS | taught):
        results.setdefault(job.name.rsplit("-", 2)[0], []).append(json.loads(job.result.read_text()))
    score = json.loads(teacher.result.read_text())
    reached = ", ".join(f"{metric} {score[metric]:.3f}" for metric in METRICS)
    print(f"Teacher: model {given.teacher}, {given.teacher_epochs} epochs: {reached}\n")
    print("| training | all | gain, points | day | gain | night | gain | CPU s |\n|" + " --- |" * 8)
    for name, trained in results.items():
        print(row(name, trained, results["concat"]))


if __name__ == "__main__":
    main()
