"""The data set of a worker process. It is opened once for all its trials, and checked to be the one of the sweep."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.next_step import command
from search.sweep.data_identity import FILE, manifest_of, read_identity
from trainables.errors import DataError
from trainables.manifest import Manifest, changes
from trainables.recipe import AnyRecipe

SHARE = 0.01
"""Share of a worker's time that may be spent on checking whether files have changed: on a network, 20,000 calls of
`stat` take seconds. After a check that took a second, the next one is at least 100 seconds later."""


class DataChangedError(DataError):
    """The data are not those that the sweep began with. That is no trial's fault, so the sweep must be halted."""


class WorkerData:
    """A data set as one worker process has it.

    Args:
        recipe: opens it.
        data: as in `SweepSpec`.
        sweep: the sweep's folder.
        fingerprint: the fingerprint that the data must have; "" if that is not known.
        clock: returns the time in seconds.
    """

    def __init__(
        self,
        recipe: AnyRecipe,
        data: str,
        sweep: Path,
        fingerprint: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recipe, self._data, self._sweep, self._clock = recipe, data, sweep, clock
        self._expected = fingerprint
        self._opened: Any = None
        self._manifest: Manifest | None = None
        self._next_look = 0.0

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the data as they were opened; "" before that."""
        return self._manifest.fingerprint if self._manifest else ""

    def open(self, path: Path) -> Any:
        """The data set at `path`. Later calls return the same object, after a check that its files have not changed.

        Raises:
            DataChangedError: the data cannot be opened any more, or are not those that the sweep began with.
        """
        if self._manifest is None:
            try:
                self._opened = self._recipe.open(path)
            except DataError as error:
                raise self._changed(str(error)) from None
            opened = manifest_of(self._data, path, self._opened)
            if self._expected and opened.fingerprint != self._expected:
                raise self._changed(self._difference(opened))
            self._manifest = opened
        elif self._clock() >= self._next_look:
            self.look()
        return self._opened

    def look(self) -> None:
        """Check whether files that are read during trainings have changed since the data were opened.

        Raises:
            DataChangedError: they have.
        """
        if self._manifest is None:
            return
        began = self._clock()
        difference = changes(self._manifest, self._manifest.again())
        ended = self._clock()
        self._next_look = ended + (ended - began) / SHARE
        if difference:
            raise self._changed(str(difference))

    def _difference(self, opened: Manifest) -> str:
        """How the data differ from those in the sweep's folder, if this machine has it."""
        identity = read_identity(self._sweep) if (self._sweep / FILE).is_file() else None
        if identity is None or identity.manifest.fingerprint != self._expected:
            return f"their fingerprint is {opened.fingerprint[:12]}, not {self._expected[:12]}"
        return str(changes(identity.manifest, opened))

    def _changed(self, how: str) -> DataChangedError:
        sweep = self._sweep.name
        return DataChangedError(
            f"data is {self._data}; they changed while sweep {sweep} ran, as {platform.node()} sees them: {how};"
            f" restore them, then `{command('resume', self._sweep.name, self._sweep.parent)}`"
        )
