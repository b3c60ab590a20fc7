"""Reads a sweep from its journal, for processes that do not run it. It writes nothing, and the sweep may be running."""

from __future__ import annotations

import gc

from search.journal.block_reader import read_blocks
from search.journal.epoch_block import EpochBlock
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from trainables.errors import SteadytuneError


class SweepFollower:
    """Follows one sweep."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._state = SweepState(folder.plan())
        self._seq = 0

    def read(self) -> SweepState:
        """The sweep's present state; only what is new since the last call is read.

        Raises:
            SteadytuneError: the journal is damaged, or the sweep was deleted or renamed meanwhile.
        """
        gc.disable()  # reading creates many objects but no garbage; the collector would take a quarter of the time
        try:
            self._read()
        except (FileNotFoundError, SteadytuneError):
            if self._folder.spec_file.is_file():
                raise
            name, path = self._folder.name, self._folder.path
            raise SteadytuneError(f"sweep {name} was deleted or renamed while it was read: {path} is gone") from None
        finally:
            gc.enable()
        return self._state

    def _read(self) -> None:
        state = self._state
        journal = self._folder.journal
        if not self._seq and not journal.is_dir():  # nothing has run
            return
        for item in read_blocks(journal, self._seq, state.plan.recipe.metric, state.plan.target_metrics):
            if isinstance(item, EpochBlock):
                state.apply_epochs(item)
            else:
                state.apply(item)
            self._seq = item.seq
