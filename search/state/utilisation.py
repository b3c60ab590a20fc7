"""How much of the workers' time goes to training."""

from __future__ import annotations

from search.journal.epoch_block import EpochBlock


class Utilisation:
    """How much of the workers' time goes to training; pauses between a kill and a resume do not count."""

    def __init__(self) -> None:
        self._busy = self._offered = 0.0
        self._first_seconds = self._later_seconds = 0.0
        self._firsts = self._laters = 0
        self._places = 1
        self._first = self._last = 0.0

    def open(self, places: int) -> None:
        """The sweep begins, or goes on, with room for `places` trials at a time."""
        self._offered += self._places * (self._last - self._first)
        self._places, self._first, self._last = places, 0.0, 0.0

    def train(self, done: EpochBlock) -> None:
        """Take epochs of one trial into account."""
        firsts = 1 if done.epochs[0] == 1 else 0
        first, later = sum(done.seconds[:firsts]), sum(done.seconds[firsts:])
        self._busy += first + later
        self._firsts, self._first_seconds = self._firsts + firsts, self._first_seconds + first
        self._laters, self._later_seconds = self._laters + len(done.epochs) - firsts, self._later_seconds + later
        self._first = min(self._first, done.began) if self._first else done.began
        self._last = done.time

    @property
    def epoch_seconds(self) -> float:
        """Mean time of an epoch on its worker, without the trials' first (which warm up); 0 before any."""
        if self._laters:
            return self._later_seconds / self._laters
        return self._first_seconds / self._firsts if self._firsts else 0.0

    @property
    def share(self) -> float:
        """Busy seconds by offered ones; 0 before the first epoch."""
        offered = self._offered + self._places * (self._last - self._first)
        return self._busy / offered if offered > 0 else 0.0
