from __future__ import annotations

import math
import threading
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from search.journal.events import VERSION, Decided, EpochDone, Event, SweepEnded, SweepOpened, TrialStarted
from search.journal.segments import FLUSH_ROWS, MERGE_SEGMENTS, Journal, read, segments
from tests.support.journals import epoch, epochs, names, write
from trainables.errors import SteadytuneError

EVENTS: list[Event] = [
    SweepOpened(worker_slots=4),
    TrialStarted(
        trial=0,
        kind="search",
        of=0,
        named="steady",
        seed=2**31 - 1,
        drawn={"lr": 1e-4, "depth": 3, "shape": "größer → 学习", "clamp": True, "warmup": None},
        settings={"lr": 1e-4, "levels": [64, 128], "nested": {"a": {}}, "name": 'quo"te\n\x00'},
    ),
    TrialStarted(trial=1, kind="confirm", of=0, named="", seed=0, drawn={}, settings={}),
    EpochDone(
        trial=0,
        epoch=1,
        phase="warmup",
        metrics={"map50": 0.5, "map50/person é": 0.0},
        losses={"train": math.inf, "val": -math.inf, "train/box": 1e-300},
        rates={"bias": 1e-3},
        seconds={"train": 1.5},
        began=1.75e9,
        checkpoint="epoch-0001",
        bytes=2**40,
        spread=0.25,
        steps=[1.5, math.inf, 1e-300],
        gpu_bytes=2**40,
    ),
    EpochDone(trial=0, epoch=2, phase="", metrics={}, losses={}, rates={}, seconds={}),
    EpochDone(
        trial=1,
        epoch=1,
        phase="main",
        metrics={},
        losses={},
        rates={},
        seconds={},
        alarm="collapsed",
        alarm_detail="“?”",
    ),
    Decided(0, 2, "continue", "rung", "2 of 3", {"rung": 1, "cutoff": -math.inf}),
    Decided(1, 0, "stop", "failed", "a" * 10_000),
    SweepEnded(0, "0.5 ± 0.1", {"mean": 0.5, "std": 0.1, "seeds": 2}),
    SweepEnded(-1, "no trial trained to its end"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_every_event_comes_back_as_it_was_written(folder: Path) -> None:
    journal = Journal(folder)
    written = [journal.append(event) for event in EVENTS]
    journal.flush()
    assert list(read(folder)) == written
    assert [row.event for row in written] == EVENTS
    assert [row.seq for row in written] == list(range(1, len(EVENTS) + 1))


def test_a_number_that_is_none_comes_back_as_none(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(EpochDone(0, 1, "main", {"score": math.nan}, {"train": math.nan}, {}, {}))
    journal.flush()
    (row,) = read(folder)
    assert isinstance(row.event, EpochDone)
    assert math.isnan(row.event.metrics["score"])
    assert math.isnan(row.event.losses["train"])


def test_text_that_is_no_valid_unicode_does_not_stop_the_sweep(folder: Path) -> None:
    """A training's error message may quote a file name of any bytes."""
    journal = Journal(folder)
    journal.append(Decided(0, 1, "stop", "failed", "no such file: caf\udce9.jpg"))
    journal.flush()
    (row,) = read(folder)
    assert isinstance(row.event, Decided)
    assert row.event.detail.startswith("no such file: caf")


def test_a_row_is_on_disk_after_the_flush_and_not_before(folder: Path) -> None:
    journal = write(folder, range(1, 3))
    journal.append(epoch(3))
    assert epochs(folder) == [1, 2]
    assert journal.flush()
    assert epochs(folder) == [1, 2, 3]
    assert not journal.flush()


def test_many_rows_are_flushed_without_being_asked(folder: Path) -> None:
    journal = Journal(folder)
    for number in range(1, FLUSH_ROWS):
        journal.append(epoch(number))
    assert not journal.flush_if_due()
    journal.append(epoch(FLUSH_ROWS))
    assert journal.flush_if_due()
    assert len(epochs(folder)) == FLUSH_ROWS


def test_reading_after_a_row_gives_what_came_since(folder: Path) -> None:
    journal = write(folder, range(1, 4), range(4, 7))
    assert epochs(folder, after=2) == [3, 4, 5, 6]
    assert epochs(folder, after=3) == [4, 5, 6]
    assert epochs(folder, after=6) == []
    journal.append(epoch(7))
    journal.flush()
    assert epochs(folder, after=6) == [7]


def test_many_small_segments_become_few(folder: Path) -> None:
    count = MERGE_SEGMENTS * MERGE_SEGMENTS + 1
    write(folder, *[range(number, number + 1) for number in range(1, count + 1)])
    assert names(folder) == [
        f"{1:010d}-{count - 1:010d}.2.parquet",
        f"{count:010d}-{count:010d}.0.parquet",
    ]
    assert epochs(folder) == list(range(1, count + 1))


def test_rows_are_read_once_if_a_merge_was_cut_short(folder: Path) -> None:
    write(folder, *[range(number, number + 1) for number in range(1, MERGE_SEGMENTS)])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    journal = Journal(folder)
    journal.append(epoch(MERGE_SEGMENTS))
    journal.flush()
    for name, content in before.items():  # the merged segment is there, the old ones were not deleted yet
        (folder / name).write_bytes(content)
    assert epochs(folder) == list(range(1, MERGE_SEGMENTS + 1))
    write(folder, range(MERGE_SEGMENTS + 1, MERGE_SEGMENTS + 3))
    assert epochs(folder) == list(range(1, MERGE_SEGMENTS + 3))


def test_a_segment_that_was_not_finished_is_ignored_and_later_removed(folder: Path) -> None:
    write(folder, range(1, 3))
    leftover = folder / ".0000000003-0000000009.0.partial"
    leftover.write_bytes(b"PAR1")
    assert epochs(folder) == [1, 2]
    Journal(folder)
    assert not leftover.exists()


def test_no_leftovers_stay_behind(folder: Path) -> None:
    write(folder, range(1, 3))
    assert names(folder) == ["0000000001-0000000002.0.parquet"]


def test_a_reopened_journal_goes_on_with_its_sequence(folder: Path) -> None:
    write(folder, range(1, 4))
    assert Journal(folder).append(epoch(4)).seq == 4
    write(folder, range(4, 6))
    assert [row.seq for row in read(folder)] == [1, 2, 3, 4, 5]


def test_a_sweep_without_a_journal_is_named(folder: Path) -> None:
    with pytest.raises(SteadytuneError, match="journal: no journal there; give the name of a sweep"):
        list(read(folder))


def test_pyarrow_reads_the_folder_as_one_table(folder: Path) -> None:
    journal = Journal(folder)
    for event in EVENTS:
        journal.append(event)
        journal.flush()
    for number in range(MERGE_SEGMENTS):  # and some of it merged
        journal.append(epoch(number))
        journal.flush()
    assert any(".1." in name for name in names(folder))
    table = pyarrow.dataset.dataset(folder).to_table()
    assert sorted(table["seq"].to_pylist()) == list(range(1, len(EVENTS) + MERGE_SEGMENTS + 1))
    assert set(table["event"].to_pylist()) == {"opened", "trial", "epoch", "decision", "ended"}


def test_pyarrow_passes_over_a_segment_that_is_being_written(folder: Path) -> None:
    write(folder, range(1, 3))
    (folder / ".0000000003-0000000009.0.partial").write_bytes(b"PAR1")
    assert pyarrow.dataset.dataset(folder).count_rows() == 2


def test_a_reader_sees_a_growing_prefix_while_the_sweep_writes_and_merges(folder: Path) -> None:
    count = MERGE_SEGMENTS * 3
    write(folder, range(1, 2))
    segments = [range(number, number + 1) for number in range(2, count + 1)]
    writer = threading.Thread(target=write, args=(folder, *segments))
    writer.start()
    seen = [1]
    while seen[-1] < count and (writer.is_alive() or len(seen) < 3):
        recorded = epochs(folder)
        assert recorded == list(range(1, len(recorded) + 1))
        assert len(recorded) >= seen[-1]
        seen.append(len(recorded))
    writer.join()
    assert epochs(folder) == list(range(1, count + 1))


def test_segments_from_before_a_column_existed_are_read_and_merged_with_later_ones(folder: Path) -> None:
    journal = Journal(folder)
    for number in range(MERGE_SEGMENTS - 1):
        journal.append(SweepOpened(number))
        journal.flush()
    for path in segments(folder):
        table = pq.ParquetFile(path).read()
        pq.write_table(table.drop_columns(["version"]), path)
    journal.append(SweepOpened(MERGE_SEGMENTS))
    journal.flush()
    assert len(segments(folder)) == 1, "they were merged"
    opened = [row.event for row in read(folder) if isinstance(row.event, SweepOpened)]
    assert [event.version for event in opened] == [None] * (MERGE_SEGMENTS - 1) + [VERSION]


def test_a_clock_that_is_set_changes_no_duration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of a sweep are sums of the time between its events."""
    journal = Journal(tmp_path / "journal")
    before = journal.append(SweepOpened(worker_slots=1)).time
    monkeypatch.setattr("time.time", lambda: before + 86_400)
    assert 0 <= journal.append(SweepOpened(worker_slots=1)).time - before < 3600
