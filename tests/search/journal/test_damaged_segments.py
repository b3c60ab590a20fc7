"""Segments of a journal that are no longer what was written: named, or set aside if a power cut tore them."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.journal.repair import mend
from search.journal.segments import MERGE_SEGMENTS, read
from tests.support.journals import epochs, names, write
from trainables.errors import SteadytuneError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def damaged(content: bytes, how: str) -> bytes:
    middle = len(content) // 2
    return {
        "empty": b"",
        "cut": content[:middle],
        "zeroed": bytes(len(content)),
        "overwritten": content[:100] + bytes(200) + content[300:],
        "no parquet": b"hello\n" * 100,
    }[how]


@pytest.mark.parametrize("how", ["empty", "cut", "zeroed", "overwritten", "no parquet"])
def test_a_damaged_segment_is_named(folder: Path, how: str) -> None:
    write(folder, range(1, 40), range(40, 50))
    segment = folder / names(folder)[0]
    segment.write_bytes(damaged(segment.read_bytes(), how))
    with pytest.raises(SteadytuneError, match=rf"{segment}: damaged journal segment \("):
        list(read(folder))


@pytest.mark.parametrize("how", ["empty", "cut", "zeroed"])
def test_last_segments_torn_by_a_power_cut_are_set_aside(folder: Path, how: str) -> None:
    write(folder, range(1, 4), range(4, 6), range(6, 7))
    for segment in sorted(folder.iterdir())[1:]:
        segment.write_bytes(damaged(segment.read_bytes(), how))
    assert [path.name for path in mend(folder)] == [
        "0000000006-0000000006.0.damaged",
        "0000000004-0000000005.0.damaged",
    ]
    write(folder, range(4, 5))
    assert [row.seq for row in read(folder)] == [1, 2, 3, 4]


def test_a_segment_damaged_before_the_end_or_merged_is_not(folder: Path) -> None:
    """A power cut leaves neither: the loss would be no moment, but a part of the sweep."""
    write(folder, range(1, 4), range(4, 6))
    first = min(folder.iterdir())
    first.write_bytes(damaged(first.read_bytes(), "cut"))
    assert mend(folder) == []
    merged = folder.with_name("merged")
    write(merged, *[range(number, number + 1) for number in range(1, MERGE_SEGMENTS + 1)])
    (segment,) = merged.iterdir()
    segment.write_bytes(damaged(segment.read_bytes(), "cut"))
    assert mend(merged) == []
    assert mend(folder.with_name("none")) == []


def test_a_damaged_segment_that_is_not_asked_for_is_not_read(folder: Path) -> None:
    write(folder, range(1, 3), range(3, 5))
    (folder / names(folder)[0]).write_bytes(b"")
    assert epochs(folder, after=2) == [3, 4]
