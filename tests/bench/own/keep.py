"""Keeps a recorded sweep as one Parquet file, an epoch a row: `python -m tests.bench.own.keep SWEEP OUT.parquet`."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder

SCHEMA = pa.schema(
    [
        ("configuration", pa.int32()),
        ("repeat", pa.int32()),  # 0 is the search's own training, the others are on fresh seeds
        ("drawn", pa.dictionary(pa.int32(), pa.string())),  # JSON
        ("epoch", pa.int32()),
        ("phase", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.float64()),
        ("loss", pa.float64()),
        ("held_out", pa.float64()),
        ("alarm", pa.dictionary(pa.int32(), pa.string())),  # the recipe's own word, after the last epoch
        ("seconds", pa.float64()),
    ]
)


def rows(folder: SweepFolder) -> Iterator[dict[str, Any]]:
    """The epochs of every random configuration's trainings that came to their end."""
    metric = folder.plan().recipe.metric
    started: dict[int, TrialStarted] = {}
    epochs: dict[int, list[EpochDone]] = defaultdict(list)
    repeats: dict[int, int] = defaultdict(int)
    for row in read(folder.journal):
        if isinstance(row.event, TrialStarted):
            started[row.event.trial] = row.event
        elif isinstance(row.event, EpochDone):
            epochs[row.event.trial].append(row.event)
        elif isinstance(row.event, Decided) and row.event.action == "stop":
            trial = started[row.event.trial]
            if not trial.named:
                yield from (_row(trial, repeats[trial.of], done, metric) for done in epochs[trial.trial])
                repeats[trial.of] += 1


def _row(trial: TrialStarted, repeat: int, done: EpochDone, metric: str) -> dict[str, Any]:
    return {
        "configuration": trial.of,
        "repeat": repeat,
        "drawn": json.dumps(trial.drawn, sort_keys=True),
        "epoch": done.epoch,
        "phase": done.phase,
        "value": done.metrics.get(metric),
        "loss": done.losses.get("train"),
        "held_out": done.losses.get("val"),
        "alarm": done.alarm,
        "seconds": sum(done.seconds.values()),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path, help="the sweep's folder")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    epochs = list(rows(SweepFolder(args.sweep.parent, args.sweep.name)))
    parquet.write_table(pa.Table.from_pylist(epochs, schema=SCHEMA), args.out, compression="zstd")
    trainings = {(row["configuration"], row["repeat"]) for row in epochs}
    print(f"{args.out}: {len(trainings)} trainings, {len(epochs)} epochs, {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
