"""What a sweep asks of its scheduler, which decides at rungs which trials are promoted, paused or stopped.

The schedulers differ in what happens to a trial below the cutoff:

    StoppingASHA    it is stopped at once, as in Ray Tune and Optuna. A decision among the first few trials is never
                    revised: on public curves half of all sweeps stop the run that would have been best.
    PromotingASHA   it is paused with its checkpoint and may be promoted later (`promoting.py`).
    FreezeThaw      it is paused, and a model of all curves chooses what trains next: a paused trial or a new
                    configuration (`freeze_thaw.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from search.pruning.curve import Curve
from search.pruning.decision import Action, Reason
from search.pruning.rungs import RungResult


class Scheduler(Protocol):
    """What a sweep asks of each scheduler.

    `start`, `arrive`, `record`, `demote` and `end` tell it what happened, in the order in which it happened. The others
    are queries and change nothing.

    Attributes:
        compares: what `RungResult.value` is, to put before the metric's name in a sentence.
        cutoff: what `RungResult.cutoff` is, likewise.
    """

    compares: ClassVar[str] = "projected"
    cutoff: ClassVar[str] = "cutoff"

    @property
    def rungs(self) -> list[int]:
        """The epochs of the rungs, rising."""

    @property
    def over(self) -> bool:
        """Whether it starts no more trials, whatever the sweep's budget says."""
        return False

    def new(self) -> dict[str, Any]:
        """The values of the trial that starts next; empty if the sampler draws them."""
        return {}

    def start(self, trial: int, values: Mapping[str, Any], on_top: bool = False) -> None:
        """A trial of the search started with these values; one that a user added comes `on_top` of the sweep's."""

    def arrive(self, trial: int, curve: Curve) -> None:
        """`trial` finished another epoch, the last of `curve`.

        A trial is not compared at rungs within its own warm-up; its first rung is the next one after that. A training
        with a long warm-up starts slowly, and documents 001 and 004 recommend long warm-ups. Rungs after
        `WARMUP_SHARE` of a training compare it anyway.
        """

    def due(self, trial: int) -> int | None:
        """The rung at which `trial` is to be compared now, else None."""

    def action(self, trial: int, rung: int, remaining: int) -> Action:
        """What to do with `trial` at `rung`, which it has just reached.

        Args:
            trial: its number.
            rung: what `due` returned.
            remaining: how many trials the search may still start.
        """

    def rung_result(self, trial: int, rung: int) -> RungResult:
        """How `trial` compares at `rung`, which it has reached."""

    def awaits(self, rung: int, remaining: int) -> int:
        """How many more trials have to arrive before `rung` promotes any; 0 once it does.

        Args:
            rung: its epochs.
            remaining: how many trials the search may still start.
        """
        return 0

    def undecided(self, rung: int) -> str:
        """Why the values at `rung` cannot be compared, so that every trial there is promoted; "" if they can."""
        return ""

    def record(self, trial: int, rung: int, action: Action) -> None:
        """`action`, which is no "stop", was decided about `trial` at `rung`."""

    def demotion(self, trial: int) -> int | None:
        """The rung at which the running `trial` would be paused if it were demoted now; None if it cannot be."""
        return None

    def demote(self, trial: int, rung: int) -> None:
        """`trial` was paused at `rung`, which `demotion` returned, and ranks behind all others there."""
        raise AssertionError("only a trial with a `demotion` is demoted")

    def end(self, trial: int, reason: Reason) -> None:
        """`trial` ended. A failed one ranks below all others at each rung that it reached."""

    def promotable(self, remaining: int) -> tuple[int, int] | None:
        """The paused trial to promote now and its rung; None if there is none.

        Args:
            remaining: how many trials the search may still start.
        """
