"""A journal that lost a file, or holds one of another sweep, is never read as if it were whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from search.journal.repair import cut, set_aside
from search.journal.segments import MERGE_SEGMENTS, DamagedJournalError, Journal, list_segments, read
from tests.support.journals import epoch
from trainables.errors import SteadytuneError


def write(folder: Path, sizes: list[int]) -> Path:
    """A journal with a file of each size, in rows."""
    journal = Journal(folder)
    for size in sizes:
        for _ in range(size):
            journal.append(epoch(1))
        journal.flush()
    return folder


def seqs(folder: Path, after: int = 0) -> list[int]:
    return [row.seq for row in read(folder, after)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve files of three rows."""
    return write(tmp_path / "journal", [3] * 12)


@pytest.mark.parametrize("index", range(11))
def test_each_missing_file_before_the_last_is_noticed_and_its_rows_are_named(folder: Path, index: int) -> None:
    list_segments(folder)[index].path.unlink()
    first, last = 3 * index + 1, 3 * index + 3
    with pytest.raises(
        DamagedJournalError, match=f"rows {first} to {last} are missing.*resume .* --accept-gap`"
    ) as error:
        seqs(folder)
    assert error.value.last == first - 1


def test_a_follower_that_has_read_past_the_missing_rows_goes_on(folder: Path) -> None:
    list_segments(folder)[2].path.unlink()
    assert seqs(folder, after=9) == list(range(10, 37))


def test_a_missing_file_among_merged_ones_is_noticed(tmp_path: Path) -> None:
    folder = write(tmp_path / "journal", [1] * (2 * MERGE_SEGMENTS + 3))
    merged = list_segments(folder)
    assert [segment.level for segment in merged] == [1, 1, 0, 0, 0]
    merged[1].path.unlink()
    with pytest.raises(DamagedJournalError, match=f"rows {MERGE_SEGMENTS + 1} to {2 * MERGE_SEGMENTS} are missing"):
        seqs(folder)


def test_a_file_of_another_sweep_that_continues_the_numbers_is_noticed(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", [3] * 13)
    foreign = list_segments(other)[-1].path
    shutil.copy(foreign, folder)
    with pytest.raises(DamagedJournalError, match=f"{foreign.name}: belongs to another sweep"):
        seqs(folder)
    with pytest.raises(DamagedJournalError, match="belongs to another sweep"):
        seqs(folder, after=36)


def test_a_file_of_another_sweep_with_the_same_rows_is_noticed(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", [4, 4])
    shutil.copy(list_segments(other)[1].path, folder)
    with pytest.raises(DamagedJournalError, match="have the same rows, so one of them belongs to another sweep"):
        seqs(folder)


def test_a_file_with_other_rows_than_its_name_says_is_noticed(folder: Path) -> None:
    first, second = (segment.path for segment in list_segments(folder)[:2])
    second.unlink()
    first.rename(first.with_name("0000000001-0000000006.0.parquet"))
    with pytest.raises(DamagedJournalError, match=r"damaged journal segment \(3 rows, 6 by its name\)"):
        seqs(folder)


def test_an_event_that_a_later_version_wrote_is_named(folder: Path) -> None:
    path = list_segments(folder)[0].path
    table = pq.ParquetFile(path).read()
    events = pa.array(["teleported"] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("event"), "event", events), path)
    with pytest.raises(SteadytuneError, match=r"row 1 of the journal is a 'teleported'.*update this one"):
        seqs(folder)


def test_cut_ends_the_journal_before_the_gap_and_the_next_rows_follow(folder: Path) -> None:
    files = [segment.path.name for segment in list_segments(folder)]
    (folder / files[4]).unlink()
    last, removed = cut(folder)
    assert last == 12
    assert [path.name for path in removed] == [name.replace(".parquet", ".set-aside") for name in files[5:]]
    assert set_aside(folder) == removed
    assert seqs(folder) == list(range(1, 13))
    write(folder, [2])
    assert seqs(folder) == list(range(1, 15))


def test_cut_takes_a_damaged_middle_and_a_foreign_file_out(folder: Path, tmp_path: Path) -> None:
    list_segments(folder)[3].path.write_bytes(b"PAR1")
    assert cut(folder)[0] == 9
    shutil.copy(list_segments(write(tmp_path / "other", [9, 2]))[1].path, folder)
    last, removed = cut(folder)
    assert (last, [path.name for path in removed]) == (9, ["0000000010-0000000011.0.set-aside"])


def test_cut_leaves_a_whole_journal_alone(folder: Path) -> None:
    assert cut(folder) == (36, [])
    assert set_aside(folder) == []


def test_a_journal_from_before_ids_existed_is_read_and_continued(tmp_path: Path) -> None:
    folder = write(tmp_path / "journal", [2, 2])
    for segment in list_segments(folder):
        pq.write_table(pq.ParquetFile(segment.path).read().replace_schema_metadata(None), segment.path)
    write(folder, [1] * MERGE_SEGMENTS)
    assert seqs(folder) == list(range(1, MERGE_SEGMENTS + 5))
