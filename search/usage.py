"""How much of the workers' time goes to training."""

from __future__ import annotations

from search.events import EpochDone, Row, SweepOpened


class Usage:
    """How much of the workers' time goes to training; pauses between a kill and a resume do not count."""

    def __init__(self) -> None:
        self._busy = self._offered = 0.0
        self._first_seconds = self._later_seconds = 0.0
        self._firsts = self._laters = 0
        self._places = 1
        self._first = self._last = 0.0

    def add(self, row: Row) -> None:
        """Take one event into account."""
        if isinstance(row.event, SweepOpened):
            self._offered += self._places * (self._last - self._first)
            self._places, self._first, self._last = row.event.places, 0.0, 0.0
        elif isinstance(row.event, EpochDone):
            seconds = sum(row.event.seconds.values())
            self._busy += seconds
            if row.event.epoch == 1:
                self._firsts, self._first_seconds = self._firsts + 1, self._first_seconds + seconds
            else:
                self._laters, self._later_seconds = self._laters + 1, self._later_seconds + seconds
            self._first = min(self._first, row.event.began) if self._first else row.event.began
            self._last = row.time

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
