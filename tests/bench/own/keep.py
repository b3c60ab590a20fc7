"""Keeps a recorded sweep as one Parquet file, an epoch a row: `python tests/bench/own/keep.py SWEEP OUT.parquet`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from search.folder import SweepFolder
from search.onlooker import Onlooker
from search.trial import TrialState

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
    state = Onlooker(folder).look()
    for trial in (one for one in state.search if not one.started.named):
        repeats = [trial, *state.confirmations(trial.started.trial)]
        for repeat, one in enumerate(repeats):
            if one.decision is not None:
                yield from _epochs(trial.started.trial, repeat, trial.started.drawn, one)


def _epochs(configuration: int, repeat: int, drawn: dict[str, Any], one: TrialState) -> Iterator[dict[str, Any]]:
    for point, seconds in zip(one.curve.points, one.seconds, strict=True):
        last = one.latest if one.latest and one.latest.epoch == point.epoch else None
        yield {
            "configuration": configuration,
            "repeat": repeat,
            "drawn": json.dumps(drawn, sort_keys=True),
            "epoch": point.epoch,
            "phase": point.phase,
            "value": point.value,
            "loss": point.loss,
            "held_out": point.held_out,
            "alarm": last.alarm if last else "",
            "seconds": seconds,
        }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", type=Path, help="the sweep's folder")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    found = list(rows(SweepFolder(args.sweep.parent, args.sweep.name)))
    parquet.write_table(pa.Table.from_pylist(found, schema=SCHEMA), args.out, compression="zstd")
    trainings = {(row["configuration"], row["repeat"]) for row in found}
    print(f"{args.out}: {len(trainings)} trainings, {len(found)} epochs, {args.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
