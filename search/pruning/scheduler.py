"""Asynchronous successive halving (Scheduler): who goes on from a rung, who stops, who waits.

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
from search.pruning.decision import Action, Reason
from search.pruning.rungs import RungResult


class Scheduler(Protocol):
    """What a sweep asks of each kind. It hears of every start, arrival, decision and end, in their order.

    Attributes:
        compares: in words, what a trial is compared by (`RungResult.value`).
        cutoff: in words, whose is `RungResult.cutoff`.
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

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """How `trial` stands at `rung`, which it has reached."""

    def record(self, trial: int, rung: int, action: Action) -> None:
        """What was decided about `trial` at `rung`."""

    def end(self, trial: int, reason: Reason) -> None:
        """`trial` ended. Who is lost counts as behind all others wherever it has been."""

    def promotable(self, left: int) -> tuple[int, int] | None:
        """The waiting trial that goes on now and its rung, if there is one; so many trials are `left` to start."""
