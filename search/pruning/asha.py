"""Asynchronous successive halving (ASHA): who goes on from a rung, who stops, who waits.

Its kinds differ in what happens to a trial that is behind at a rung:

    StoppingASHA    it ends at once, as Ray Tune and Optuna have it. What was decided among the first few is never
                    taken back: on public curves the eventual best run ends this way in half of all sweeps.
    PromotingASHA   it waits with its checkpoint and may go on later (`promotion.py`).
    FreezeThaw      the same, and a model of all curves says who does, or what is tried anew (`freeze_thaw.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from search.pruning.curve import Curve
from search.pruning.decision import LOST, Action, Reason
from search.pruning.rungs import Rung, Standing, milestones


class ASHA(Protocol):
    """What a sweep asks of each kind. It hears of every start, arrival, decision and end, in their order.

    Attributes:
        compares: in words, what a trial is compared by (`Standing.value`).
        cutoff: in words, whose is `Standing.cutoff`.
    """

    compares: ClassVar[str] = "heading for"
    cutoff: ClassVar[str] = "the last to go on had"

    @property
    def rungs(self) -> list[int]:
        """The epochs of the rungs, rising."""

    @property
    def over(self) -> bool:
        """Whether it starts no more trials, whatever the sweep's budget says."""
        return False

    def new(self) -> dict[str, Any]:
        """The values of the trial that starts next; empty if the sampler is to draw them."""
        return {}

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """A new trial of the search, with these values, runs."""

    def arrive(self, trial: int, curve: Curve) -> None:
        """`trial` finished another epoch, the last of `curve`."""

    def due(self, trial: int) -> int | None:
        """The rung at which `trial` is to be compared now, else None."""

    def action(self, trial: int, rung: int, left: int) -> Action:
        """What becomes of `trial` at `rung`; so many trials are `left` to start."""

    def standing(self, trial: int, rung: int) -> Standing:
        """How `trial` stands at `rung`, which it has reached."""

    def record(self, trial: int, rung: int, action: Action) -> None:
        """What was decided about `trial` at `rung`."""

    def end(self, trial: int, reason: Reason) -> None:
        """`trial` ended. Who is lost counts as behind all others wherever it has been."""

    def promotable(self, left: int) -> tuple[int, int] | None:
        """The waiting trial that goes on now and its rung, if there is one; so many trials are `left` to start."""


class StoppingASHA(ASHA):
    """Those behind at a rung end there; one in `reduction_factor` goes on.

    The first to reach a rung have nobody to be compared with, and must not go on for ever because they were early. So
    a place among fewer than `reduction_factor` trials is provisional: it is looked at again whenever another arrives.
    """

    def __init__(self, grace_epochs: int, reduction_factor: float, max_epochs: int) -> None:
        self._factor = reduction_factor
        self._rungs = {at: Rung(at) for at in milestones(grace_epochs, reduction_factor, max_epochs)}
        self._reached: dict[int, int] = {}
        self._compared: dict[tuple[int, int], int] = {}

    @property
    def rungs(self) -> list[int]:
        """See `ASHA`."""
        return list(self._rungs)

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """See `ASHA`."""

    def arrive(self, trial: int, curve: Curve) -> None:
        """See `ASHA`: a late report counts at the highest rung that it has reached."""
        at = next((at for at in reversed(self._rungs) if at <= curve.epoch), None)
        if at is not None and self._reached.get(trial, 0) < at:
            self._reached[trial] = at
            self._rungs[at].add(trial, curve.rising(curve.outlook))

    def due(self, trial: int) -> int | None:
        """See `ASHA`."""
        at = self._reached.get(trial)
        if at is None:
            return None
        before = self._compared.get((trial, at), 0)
        return at if not before or before < min(self._factor, len(self._rungs[at].values)) else None

    def action(self, trial: int, rung: int, left: int) -> Action:
        """See `ASHA`."""
        return "continue" if self.standing(trial, rung).promoted else "stop"

    def standing(self, trial: int, rung: int) -> Standing:
        """See `ASHA`: the best of all goes on even if they are fewer than the factor."""
        found = self._rungs[rung]
        return found.standing(trial, max(1, int(len(found.values) / self._factor)))

    def record(self, trial: int, rung: int, action: Action) -> None:
        """See `ASHA`."""
        self._compared[trial, rung] = len(self._rungs[rung].values)

    def end(self, trial: int, reason: Reason) -> None:
        """See `ASHA`."""
        if reason in LOST:
            for rung in self._rungs.values():
                rung.drop(trial)

    def promotable(self, left: int) -> tuple[int, int] | None:
        """Nobody waits."""
        return None
