"""Makes a damaged journal readable again; its last rows are lost. Only the process that writes it may do that."""

from __future__ import annotations

from pathlib import Path

from search.journal.segments import DamagedJournalError, list_segments, load, read

_SET_ASIDE = ".set-aside"


def mend(folder: Path) -> list[Path]:
    """Set the last segments aside if they are damaged; returns their new paths.

    A segment is written without `fsync`, so a power cut may leave the last ones torn. Without them the journal ends as
    if the sweep had been killed a moment earlier. A merged segment is written with `fsync`, so it is never set aside.
    """
    removed = []
    for segment in reversed(list_segments(folder) if folder.is_dir() else []):
        try:
            if segment.level:
                break
            load(segment)
            break
        except DamagedJournalError:
            removed.append(segment.path.replace(segment.path.with_suffix(".damaged")))
    return removed


def set_aside(folder: Path) -> list[Path]:
    """The files that `cut` has taken out of the journal so far, in order of their rows."""
    return sorted(folder.glob(f"*{_SET_ASIDE}"))


def cut(folder: Path) -> tuple[int, list[Path]]:
    """End the journal before the first row that cannot be read, as if the sweep had been killed then.

    Rows after a gap make no sense without the missing ones: a decision compares a trial with others at the same rung.

    Returns:
        The number of the last row that was kept, and the new paths of the files that were set aside; none if the
        journal is whole.
    """
    removed: list[Path] = []
    while True:
        last = 0
        try:
            for row in read(folder):
                last = row.seq
            return last, removed
        except DamagedJournalError as error:
            damaged = [segment.path for segment in list_segments(folder) if segment.first > error.last]
            removed += [path.replace(path.with_suffix(_SET_ASIDE)) for path in damaged]
