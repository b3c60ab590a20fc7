"""What a new sweep may not mean, though it can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.sweep.notes import notes
from tests.support.fakes import plan_of

PINNED = {"quality": 0.5, "shape": "fast", "depth": 1, "noise": 0.0}


@pytest.mark.parametrize(
    ("fields", "beginnings"),
    [
        ({}, []),
        (
            {"set": PINNED, "trials": 9},
            ["no setting is searched, so 8 trials train the same settings, each with its own"],
        ),
        ({"set": PINNED, "trials": 2}, []),
        (
            {"set": {"depth": 1, "noise": {"high": 0.05}}},
            ["set.noise gives a range, but beside the other values of set no trial draws it"],
        ),
        ({"set": {"depth": [1, 2], "noise": {"high": 0.05}}}, []),
        ({"epochs": 3}, ["epochs is 3, which all trials take together, but one training has 4; set: {epochs: 3}"]),
        ({"total_epochs": 4}, []),
        (
            {"metric": {"name": "error", "mode": "min"}},
            ["curves does not say what it reports: the first epoch"],
        ),
        ({"metric": {"name": "score", "mode": "max"}}, []),
    ],
    ids=str,
)
def test_a_note_for_each_thing_that_may_not_be_meant(data: Path, fields: dict[str, Any], beginnings: list[str]) -> None:
    listed = list(notes(plan_of(data, **fields)))
    assert len(listed) == len(beginnings)
    assert all(note.startswith(beginning) for note, beginning in zip(listed, beginnings, strict=True)), listed
