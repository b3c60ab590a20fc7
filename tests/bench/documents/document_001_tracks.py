"""Document 001's verdict on its trainings, ID switches: its three trainings, tracked over sequences of moving digits.

    python -m tests.bench.documents.document_001_tracks FOLDER [--seeds 3]

For each seed, each training in the tiny preset to its end, on the sample. Its last checkpoint is tracked over held-out
sequences (more of them than the sample has) by BoT-SORT and ByteTrack. FOLDER keeps data and checkpoints, so that a
second run tracks alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from trainables.samples.digit_sequences import write_sequences
from trainables.tracks.reading import open_sequences
from trainables.tracks.settings import FOLDER, MODES, Tracks
from trainables.tracks.tracked import scores_of
from trainables.yolox.recipe import Yolox

TRAININGS = ("clean-v2", "smooth", "stable-v3")
"""In the order of the document; it has 2646 ID switches for the first and 3076 for the second, none for the third."""
SEQUENCES, FRAMES = 20, 30


def trained(folder: Path, training: str, seed: int, data: Any) -> dict[str, float]:
    """Train, keep the last checkpoint and return its metrics; those of an earlier run, if there is one."""
    file = folder / "checkpoints" / f"{training}-{seed}" / "metrics.json"
    if not file.is_file():
        recipe = Yolox()
        with tempfile.TemporaryDirectory() as workdir:
            *_, last = recipe.train(recipe.settings("tiny", {"seed": seed}, training), data, Path(workdir))
            file.parent.mkdir(parents=True, exist_ok=True)
            last.save(file.parent)
        file.write_text(json.dumps(dict(last.metrics)))
    return dict(json.loads(file.read_text()))


def rank_agreement(rows: Sequence[dict[str, float]], name: str, other: str) -> float:
    """Spearman's rank correlation of two metrics over trainings."""
    return float(spearmanr([row[name] for row in rows], [row[other] for row in rows]).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sequences", type=int, default=SEQUENCES, help="of new data")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    recipe, tracks = Yolox(), Tracks()
    data = recipe.open(recipe.sample(given.folder / "data"))
    if not (given.folder / FOLDER).is_dir():
        write_sequences(given.folder, (3, 7, 8), count=given.sequences, frames=FRAMES, seed=9)
    sequences = open_sequences(given.folder / FOLDER, data.names)
    names = [f"{tracker} {metric}" for tracker in tracks.trackers for metric in MODES]
    print(f"| training | seed | map50_95 | map50 | {' | '.join(names)} | seconds |")
    print("| --- |" + " --- |" * (len(names) + 4))
    rows: dict[str, list[dict[str, float]]] = {training: [] for training in TRAININGS}
    for seed in range(given.seeds):
        for training in TRAININGS:
            row = trained(given.folder, training, seed, data)
            settings = recipe.settings("tiny", {"seed": seed}, training)
            began = time.perf_counter()
            scores = scores_of(recipe, settings, given.folder / "checkpoints" / f"{training}-{seed}", sequences, tracks)
            row["seconds"] = time.perf_counter() - began
            row |= {f"{tracker} {metric}": score[metric] for tracker, score in scores.items() for metric in MODES}
            rows[training].append(row)
            values = " | ".join(f"{row[name]:.0f}" if "idsw" in name else f"{row[name]:.3f}" for name in names)
            precision = f"{row['map50_95']:.3f} | {row['map50']:.3f}"
            print(f"| {training} | {seed} | {precision} | {values} | {row['seconds']:.1f} |", flush=True)
    print("\nMeans over the seeds:\n")
    for training, metrics in rows.items():
        means = " ".join(f"{name} {statistics.fmean(row[name] for row in metrics):.3f}" for name in ("map50", *names))
        print(f"{training}: {means}")
    pooled = [row for metrics in rows.values() for row in metrics]
    print("\nRank correlation over all trainings:\n")
    for name in names:
        print(f"{name} with map50 {rank_agreement(pooled, name, 'map50'):+.2f}, with map50_95", end=" ")
        print(f"{rank_agreement(pooled, name, 'map50_95'):+.2f}")


if __name__ == "__main__":
    main()
