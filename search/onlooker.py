"""A sweep as its journal tells it, for those who look on: nothing is written, and the sweep may run meanwhile."""

from __future__ import annotations

import gc

from search.folder import SweepFolder
from search.journal import read
from search.state import SweepState


class Onlooker:
    """Follows one sweep."""

    def __init__(self, folder: SweepFolder) -> None:
        self._journal = folder.journal
        self._state = SweepState(folder.plan())
        self._seq = 0

    def look(self) -> SweepState:
        """The sweep as it stands now; only what is new since the last look is read."""
        gc.disable()  # nothing of it is garbage, and looking for some takes a quarter of the time
        try:
            for row in read(self._journal, after=self._seq) if self._journal.is_dir() else ():
                self._state.apply(row)
                self._seq = row.seq
        finally:
            gc.enable()
        return self._state
