"""Asynchronous successive halving, in its two kinds: who goes on from a rung, who stops, who waits.

Both compare a trial's level at a rung with the levels of all that reached it (`rungs.py`), and let one in
`reduction_factor` go on. They differ in what happens to the others:

    StoppingASHA    they end at once, as Ray Tune and Optuna have it. What was decided among the first few is never
                    taken back.
    PromotingASHA   they wait with their checkpoint, and go on later if enough others turn out worse: the algorithm
                    of the paper itself (Li et al., MLSys 2020, algorithm 2).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from search.decision import Action
from search.rungs import Rung, Standing, milestones


class ASHA(Protocol):
    """What a sweep asks of either kind. Only `record` changes anything."""

    @property
    def rungs(self) -> list[int]:
        """The epochs of the rungs, rising."""

    def due(self, trial: int, epoch: int) -> int | None:
        """The rung at which `trial` is to be compared after `epoch`, the highest it has reached, else None."""

    def standing(self, trial: int, rung: int, value: float | None) -> Standing:
        """How `trial` stands at `rung`, with the level `value` (higher is better) if it is new there."""

    def action(self, standing: Standing) -> Action:
        """What follows from a standing: "continue", "pause" or "stop"."""

    def record(self, trial: int, rung: int, value: float | None, action: Action) -> None:
        """Note that `trial` reached `rung` with the level `value`, and what became of it."""

    def promotable(self, last: bool) -> Iterator[tuple[int, Standing]]:
        """The waiting trials that may go on now, furthest first; `last`: no new trial will come."""


class _Rungs:
    """The rungs of one bracket, and which is the next for a trial."""

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int) -> None:
        self._factor = reduction_factor
        self._rungs = {at: Rung(at) for at in milestones(grace_epochs, reduction_factor, max_epochs)}

    @property
    def rungs(self) -> list[int]:
        """See `ASHA`."""
        return list(self._rungs)

    def _reached(self, epoch: int) -> Rung | None:
        return next((rung for at, rung in reversed(self._rungs.items()) if at <= epoch), None)

    def _peers(self, trial: int, rung: Rung) -> int:
        return len(rung.values) + (trial not in rung.values)


class StoppingASHA(_Rungs):
    """Those behind at a rung end there.

    The first to reach a rung have nobody to be compared with, and must not go on for ever because they were early. So
    a place among fewer than `reduction_factor` trials is provisional: it is looked at again whenever another arrives.
    """

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int) -> None:
        super().__init__(grace_epochs, reduction_factor, max_epochs)
        self._compared: dict[tuple[int, int], int] = {}

    def due(self, trial: int, epoch: int) -> int | None:
        """See `ASHA`."""
        rung = self._reached(epoch)
        if rung is None:
            return None
        before = self._compared.get((trial, rung.epoch), 0)
        return rung.epoch if not before or before < min(self._factor, len(rung.values)) else None

    def standing(self, trial: int, rung: int, value: float | None) -> Standing:
        """See `ASHA`: the best of all goes on even if they are fewer than the factor."""
        found = self._rungs[rung]
        return found.standing(trial, value, max(1, int(self._peers(trial, found) / self._factor)))

    def action(self, standing: Standing) -> Action:
        """See `ASHA`."""
        return "continue" if standing.promoted else "stop"

    def record(self, trial: int, rung: int, value: float | None, action: Action) -> None:
        """See `ASHA`."""
        self._rungs[rung].add(trial, value)
        self._compared[trial, rung] = len(self._rungs[rung].values)

    def promotable(self, last: bool) -> Iterator[tuple[int, Standing]]:
        """Nobody waits."""
        return iter(())


class PromotingASHA(_Rungs):
    """Those behind at a rung wait there, until so many others have come that they are among the best after all."""

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int) -> None:
        super().__init__(grace_epochs, reduction_factor, max_epochs)
        self._waiting: dict[int, list[tuple[float, int]]] = {at: [] for at in self._rungs}
        self._paused: dict[int, int] = {}

    def due(self, trial: int, epoch: int) -> int | None:
        """See `ASHA`: once a rung."""
        rung = self._reached(epoch)
        return rung.epoch if rung is not None and trial not in rung.values else None

    def standing(self, trial: int, rung: int, value: float | None) -> Standing:
        """See `ASHA`."""
        return self._standing(trial, self._rungs[rung], value, last=False)

    def _standing(self, trial: int, rung: Rung, value: float | None, last: bool) -> Standing:
        places = int(self._peers(trial, rung) / self._factor)
        found = rung.standing(trial, value, max(1, places))
        return found if places or last else replace(found, promoted=False)

    def action(self, standing: Standing) -> Action:
        """See `ASHA`: a trial without any value has nothing to wait for."""
        return "continue" if standing.promoted else "stop" if standing.value is None else "pause"

    def record(self, trial: int, rung: int, value: float | None, action: Action) -> None:
        """See `ASHA`."""
        self._rungs[rung].add(trial, value)
        if action == "pause" and value is not None:
            self._paused[trial] = rung
            heapq.heappush(self._waiting[rung], (-value, trial))
        else:
            self._paused.pop(trial, None)

    def promotable(self, last: bool) -> Iterator[tuple[int, Standing]]:
        """See `ASHA`: at each rung the best that waits, if it is among those who go on."""
        for at in reversed(self._rungs):
            waiting = self._waiting[at]
            while waiting and self._paused.get(waiting[0][1]) != at:
                heapq.heappop(waiting)  # it went on, or its sweep gave it up
            if waiting:
                trial = waiting[0][1]
                standing = self._standing(trial, self._rungs[at], None, last)
                if standing.promoted:
                    yield trial, standing
