"""The permanent id of a sweep in MLflow: its first name, and the time of its journal's first row."""

from __future__ import annotations

from search.journal.events import SweepOpened
from search.journal.segments import read
from search.sweep.folder import SweepFolder


def sweep_id(folder: SweepFolder) -> str:
    """The tag `steadytune.sweep` of the sweep's runs; "" if nothing has run.

    Names may be used again, so the time is part of it; a sweep that was renamed keeps the one that it began with.
    """
    begun: float | None = None
    for row in read(folder.journal) if folder.journal.is_dir() else ():
        begun = row.time if begun is None else begun
        if isinstance(row.event, SweepOpened):
            return f"{(row.event.spec or {}).get('name', folder.name)}@{begun:.6f}"
    return "" if begun is None else f"{folder.name}@{begun:.6f}"
