"""Journals of epochs with a score, and what is in their folders."""

from __future__ import annotations

from pathlib import Path

from search.journal.events import EpochDone
from search.journal.segments import Journal, read


def epoch(number: int) -> EpochDone:
    return EpochDone(0, number, "main", {"score": number / 10}, {"train": 1.0}, {}, {})


def write(folder: Path, *segments: range) -> Journal:
    """A journal with one segment for each range of epochs."""
    journal = Journal(folder)
    for numbers in segments:
        for number in numbers:
            journal.append(epoch(number))
        journal.flush()
    return journal


def epochs(folder: Path, after: int = 0) -> list[int]:
    return [row.event.epoch for row in read(folder, after) if isinstance(row.event, EpochDone)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
