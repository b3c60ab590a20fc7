"""ASHA as its paper has it, with trials that wait and are promoted, made to lose no good one.

Every trial waits at each rung. When a worker is free, the highest rung that has a place sends its best on; where there
is none, a new trial starts. Against the paper's algorithm (Li et al., MLSys 2020, algorithm 2) three things differ:

    places are counted from the bottom   of N trials that reached the first rung (epoch r), N * (r / e)**0.85 may train
                                         to epoch e, whatever the factor between rungs. With an exponent of 1 each rung
                                         would get the same epochs; so the later ones, which tell more, get more.
    a rung waits for peers               it opens when `min_peers` (in proportion, on higher rungs) have reached it, or
                                         when no more can come. Then at least one goes on, so one trial is trained out.
    one place is the leader's            the trial with the best value so far goes on, whatever its projected_value.

On 22 groups of public curves (302 runs): regret .1 % at 40 % of all epochs, where stopping ASHA as Ray Tune has it
(factor 3, grace 10 %) has 2.1 % at 40 %.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any, ClassVar

from search.pruning.curve import Curve
from search.pruning.decision import Action, Reason
from search.pruning.rungs import Rung, RungResult, milestones
from search.pruning.scheduler import Scheduler

_ROUNDING = 1e-9


class _WaitingRoom(Rung):
    """A rung with those that wait at it."""

    def __init__(self, epoch: int, share: float, onward: float) -> None:
        """`share` of the first rung's trials may come here, and `onward` may go on."""
        super().__init__(epoch)
        self.share = share
        self.onward = onward
        self.waiting: set[int] = set()
        self._queue: list[tuple[float, int]] = []
        self._ranked: list[tuple[float, int]] = []
        self._leaders: dict[int, tuple[float, float, int]] = {}
        self._leader: tuple[float, float, int] | None = None

    def arrive(self, trial: int, projected_value: float | None, best: float | None) -> None:
        """`trial` is here, and does not wait yet."""
        self.add(trial, projected_value)
        if projected_value is None:
            return
        insort(self._ranked, (-projected_value, trial))
        mine = self._leaders[trial] = (projected_value if best is None else best, projected_value, -trial)
        self._leader = max(self._leader or mine, mine)

    def drop(self, trial: int) -> None:
        """See `Rung`: it does not wait or lead any more."""
        value = self.values.get(trial)
        if value is None:
            return
        super().drop(trial)
        self.waiting.discard(trial)
        del self._ranked[bisect_left(self._ranked, (-value, trial))]
        if self._leaders.pop(trial) == self._leader:
            self._leader = max(self._leaders.values(), default=None)

    def wait(self, trial: int) -> None:
        """`trial` waits here from now on."""
        value = self.values[trial]
        if value is not None:
            self.waiting.add(trial)
            heapq.heappush(self._queue, (-value, trial))

    def next(self, places: int) -> int | None:
        """The first of those that wait, if it is among the first `places` here; the leader has one of them."""
        if places < 1 or self._leader is None:
            return None
        leader = -self._leader[2]
        if leader in self.waiting:
            return leader
        while self._queue and self._queue[0][1] not in self.waiting:
            heapq.heappop(self._queue)
        if not self._queue:
            return None
        first = self._queue[0]
        ahead = bisect_left(self._ranked, first) - ((-self._leader[1], leader) < first)
        return first[1] if ahead < places - 1 else None


class PromotingASHA(Scheduler):
    """Those behind at a rung wait there. See the module's docstring.

    Attributes:
        thinning: the exponent by which places become fewer. 1 is worse on public curves and no better on our own, .75
            loses those that rise late, as the first rung must then come sooner for the same epochs (`docs/pruning.md`).
    """

    thinning: ClassVar[float] = 0.85

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int, min_peers: int) -> None:
        found = milestones(grace_epochs, reduction_factor, max_epochs)
        shares = [(grace_epochs / epoch) ** self.thinning for epoch in [*found, max_epochs]]
        self._rooms = [_WaitingRoom(*room) for room in zip(found, shares, shares[1:], strict=False)]
        self._min_peers = min_peers
        self._next: dict[int, int] = {}  # of each running trial: the place in _rooms of the rung it trains to
        self._due: dict[int, int] = {}
        self._heading = [0] * (len(found) + 1)  # how many train to each of them

    @property
    def rungs(self) -> list[int]:
        """See `Scheduler`."""
        return [room.epoch for room in self._rooms]

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """See `Scheduler`."""
        self._head(trial, 0)

    def _head(self, trial: int, place: int | None) -> None:
        before = self._next.pop(trial, None)
        if before is not None:
            self._heading[before] -= 1
        if place is not None:
            self._next[trial] = place
            self._heading[place] += 1

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `Scheduler`: a late report counts at every rung that it has passed, and waits at the highest."""
        place = self._next[trial]
        while place < len(self._rooms) and curve.epoch >= self._rooms[place].epoch:
            self._rooms[place].arrive(trial, curve.rising(curve.projected_value), curve.rising(curve.best_value))
            self._due[trial] = place
            place += 1
        self._head(trial, place)

    def due(self, trial: int) -> int | None:
        """See `Scheduler`: once a rung."""
        place = self._due.get(trial)
        return None if place is None else self._rooms[place].epoch

    def action(self, trial: int, rung: int, left: int) -> Action:
        """See `Scheduler`: who would be sent on at once need not leave its worker."""
        room = self._room(rung)
        if room.values[trial] is None:
            return "stop"
        place = self._next[trial]
        room.wait(trial)
        self._head(trial, None)
        found = self.promotable(left)
        room.waiting.discard(trial)
        self._head(trial, place)
        return "continue" if found == (trial, rung) else "pause"

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """See `Scheduler`: by the places that there are now, even if the rung has not opened yet."""
        room = self._room(rung)
        return room.rung_result(trial, self._places(room))

    def _room(self, rung: int) -> _WaitingRoom:
        return next(room for room in self._rooms if room.epoch == rung)

    def _places(self, room: _WaitingRoom) -> int:
        return math.floor(len(self._rooms[0].values) * room.onward + _ROUNDING)

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `Scheduler`."""
        self._due.pop(trial, None)
        room = self._room(rung)
        room.waiting.discard(trial)
        if action == "pause":
            self._head(trial, None)
            room.wait(trial)
        elif action == "continue":
            self._head(trial, self._rooms.index(room) + 1)

    def end(self, trial: int, reason: Reason) -> None:
        """See `Scheduler`: only who is trained to the end keeps its places."""
        self._head(trial, None)
        self._due.pop(trial, None)
        if reason != "done":
            for room in self._rooms:
                room.drop(trial)

    def promotable(self, left: int) -> tuple[int, int] | None:
        """See `Scheduler`: the highest rung first."""
        arrived = len(self._rooms[0].values) if self._rooms else 0
        total = arrived + left + self._heading[0]
        below = sum(self._heading[: len(self._rooms)])  # that train to this rung or one below it
        for place in reversed(range(len(self._rooms))):
            room = self._rooms[place]
            if room.waiting:
                full = len(room.values) >= math.ceil(total * room.share - _ROUNDING)
                if not left and (full or not below):
                    places = max(1, math.ceil(total * room.onward - _ROUNDING))
                elif len(room.values) >= self._min_peers * room.share:
                    places = self._places(room)
                else:
                    places = 0
                found = room.next(places)
                if found is not None:
                    return found, room.epoch
            below -= self._heading[place]
        return None
