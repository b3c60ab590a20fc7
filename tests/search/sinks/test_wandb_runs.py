"""A sweep as Weights & Biases keeps it in offline runs."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from search.state.follower import SweepFollower
from search.sweep.folder import SweepFolder
from tests.support.terminal import Steadytune

pytest.importorskip("wandb", reason="wandb is missing: pip install 'steadytune[wandb]'")
pytestmark = pytest.mark.e2e  # W&B starts a service, which takes seconds


BLOCK, HEADER = 32768, 7
"""Bytes. A run's file is a log as LevelDB writes it, behind a mark of `HEADER` bytes."""


def records(file: Path) -> list[Any]:
    """What W&B's file of a run holds; its own reader is no part of its Python package."""
    from wandb.proto.wandb_internal_pb2 import Record

    content = file.read_bytes()
    offset, parts, records = HEADER, b"", []
    while offset + HEADER <= len(content):
        if BLOCK - offset % BLOCK < HEADER:  # nothing fits into the rest of a block
            offset += BLOCK - offset % BLOCK
            continue
        _, length, kind = struct.unpack("<IHB", content[offset : offset + HEADER])
        parts += content[offset + HEADER : offset + HEADER + length]
        offset += HEADER + length
        if kind in (1, 4):  # whole, or the last part
            records.append(Record.FromString(parts))
            parts = b""
    return records


def as_dict(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def test_each_trial_is_a_run_with_its_settings_curve_and_end(steadytune: Steadytune, sweeps: Path) -> None:
    code, output, _ = steadytune("wandb", "sweep", "--sweeps", sweeps, "--project", "cattle")
    folder = sweeps / "sweep" / "wandb-offline"
    assert (code, output) == (0, f"{folder}: upload it with `wandb sync {folder}/wandb/offline-run-*`\n")
    for trial in SweepFollower(SweepFolder(sweeps, "sweep")).read().trials.values():
        (file,) = folder.glob(f"wandb/offline-run-*/run-sweep-{trial.number:04d}.wandb")
        written = records(file)
        runs = [record.run for record in written if record.HasField("run")]
        assert (runs[0].project, runs[0].run_group, runs[0].job_type) == ("cattle", "sweep", trial.started.kind)
        assert as_dict(runs[0].config.update)["quality"] == trial.started.settings["quality"]
        rows = [as_dict(record.history.item) for record in written if record.HasField("history")]
        scores = [(row["_step"], row["score"]) for row in rows if "score" in row]
        assert scores == [(point.epoch, point.value) for point in trial.curve.evaluated if point.value is not None]
        summary: dict[str, Any] = {}
        for record in written:
            summary |= as_dict(record.summary.update) if record.HasField("summary") else {}
        assert summary["reason"] == trial.decisions[-1].reason
    assert steadytune("wandb", "sweep", "--sweeps", sweeps)[0] == 0, "written anew"
