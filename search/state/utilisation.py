"""How much of the workers' time goes to training."""

from __future__ import annotations

from search.journal.epoch_block import EpochBlock


class Utilisation:
    """How much of the workers' time goes to training. The time between a kill and a resume does not count.

    Attributes:
        worker_slots: how many trials run at a time, since the sweep was last opened.
    """

    def __init__(self) -> None:
        self.worker_slots = 1
        self._busy_seconds = self._data_seconds = 0.0
        self._offered_seconds = 0.0  # before the sweep was last opened
        self._first_epochs = self._later_epochs = 0
        self._first_epoch_seconds = self._later_epoch_seconds = 0.0
        self._began = self._latest = 0.0  # first start and last end of the epochs since the sweep was last opened

    def open(self, worker_slots: int) -> None:
        """The sweep begins, or is resumed, with `worker_slots` trials at a time."""
        self._offered_seconds += self._offered_since_opened()
        self.worker_slots, self._began, self._latest = worker_slots, 0.0, 0.0

    def add(self, block: EpochBlock) -> None:
        """Take epochs of one trial into account."""
        first_epochs = 1 if block.epochs[0] == 1 else 0
        first, later = sum(block.seconds[:first_epochs]), sum(block.seconds[first_epochs:])
        self._busy_seconds += first + later
        self._data_seconds += block.data_seconds
        self._first_epochs += first_epochs
        self._first_epoch_seconds += first
        self._later_epochs += len(block.epochs) - first_epochs
        self._later_epoch_seconds += later
        self._began = min(self._began, block.began) if self._began else block.began
        self._latest = block.time

    @property
    def epoch_seconds(self) -> float:
        """Mean time of an epoch on its worker, without the trials' first (which warm up); 0 before any."""
        if self._later_epochs:
            return self._later_epoch_seconds / self._later_epochs
        return self._first_epoch_seconds / self._first_epochs if self._first_epochs else 0.0

    @property
    def share(self) -> float:
        """Share of the workers' time in which they trained and evaluated; 0 before the first epoch."""
        offered = self._offered_seconds + self._offered_since_opened()
        return self._busy_seconds / offered if offered > 0 else 0.0

    @property
    def data_share(self) -> float:
        """Share of the busy seconds in which a training waited for data."""
        return self._data_seconds / self._busy_seconds if self._busy_seconds else 0.0

    def _offered_since_opened(self) -> float:
        return self.worker_slots * (self._latest - self._began)
