"""A sweep as its journal tells it, for those who look on: nothing is written, and the sweep may run meanwhile."""

from __future__ import annotations

import gc

from search.journal.block_reader import read
from search.journal.epoch_block import EpochBlock
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder


class SweepFollower:
    """Follows one sweep."""

    def __init__(self, folder: SweepFolder) -> None:
        self._journal = folder.journal
        self._state = SweepState(folder.plan())
        self._seq = 0

    def look(self) -> SweepState:
        """The sweep as it stands now; only what is new since the last look is read."""
        gc.disable()  # nothing of it is garbage, and looking for some takes a quarter of the time
        try:
            self._read()
        finally:
            gc.enable()
        return self._state

    def _read(self) -> None:
        state = self._state
        if not self._journal.is_dir():
            return
        for one in read(self._journal, self._seq, state.plan.recipe.metric, state.scheduler.rungs):
            if isinstance(one, EpochBlock):
                state.train(one)
            else:
                state.apply(one)
            self._seq = one.seq
