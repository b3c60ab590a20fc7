"""Trainings that were recorded to their ends, and a sweep that runs them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from search.pruning.curve import Curve
from search.sweep.plan import Plan
from search.sweep.spec import read_spec
from spaces.space import Draw
from trainables.errors import DataError, SteadytuneError
from trainables.recipe import Epoch, Recipe
from trainables.settings import Settings

Mode = Literal["max", "min"]
FEWEST = 2
"""Runs without which there is nothing to compare."""


@dataclass(frozen=True)
class Run:
    """One recorded training.

    Attributes:
        name: how its owner knows it.
        curve: all its epochs.
        seconds: wall time of each of them.
        settings: what it was trained with, as far as that is known.
        censored: whether a scheduler had stopped it, so that nobody knows how it would have gone on.
    """

    name: str
    curve: Curve
    seconds: tuple[float, ...]
    settings: dict[str, Any]
    censored: bool = False

    @property
    def best(self) -> float | None:
        """Its best value, higher is better; None if it never had one."""
        best = self.curve.best
        return None if best is None or best.value is None else self.curve.sign * best.value


@dataclass(frozen=True)
class Recording:
    """Trainings that are comparable: one data set, one metric, one length.

    Attributes:
        name: of the sweep or the family.
        metric, mode: the objective.
        max_epochs: epochs of a whole training.
        runs: at least one.
    """

    name: str
    metric: str
    mode: Mode
    max_epochs: int
    runs: tuple[Run, ...]

    @property
    def epochs(self) -> int:
        """Epochs of all runs together."""
        return sum(run.curve.epoch for run in self.runs)

    @property
    def seconds(self) -> float:
        """Wall time of all of them together."""
        return sum(sum(run.seconds) for run in self.runs)

    def plan(self, order: list[int], policy: dict[str, Any]) -> Plan:
        """The sweep that starts the runs in `order` (places in `runs`); `policy` has fields of a sweep."""
        recording = self

        class Ours(Recorded):
            metric: ClassVar[str] = recording.metric
            mode: ClassVar[Mode] = recording.mode

        own = {"name": "replay", "recipe": Ours.name, "data": self.name, "trials": len(order)}
        own |= {"confirm_top": 0, "audit": 0.0}  # nothing is trained that was not recorded
        named = tuple(("", {"run": place, "epochs": self.runs[place].curve.epoch}) for place in order)
        return Plan(read_spec(own | policy, "policy"), Ours(), Ours.space, named, {}, self.max_epochs)


def comparable(found: Iterable[Recording], source: str) -> list[Recording]:
    """Those with runs enough to compare.

    Raises:
        DataError: none of them; `source` begins the complaint.
    """
    kept = [recording for recording in found if len(recording.runs) >= FEWEST]
    if not kept:
        raise DataError(f"{source}: no two comparable trainings in it; at least {FEWEST} of the same length are needed")
    return kept


class RecordedSettings(Settings):
    """Which recorded run it is, and its epochs."""

    run: int = 0
    epochs: int = 1


class Recorded(Recipe[RecordedSettings, Any]):
    """Stands for the recipe of the recorded runs, as far as a scheduler asks: metric, mode, settings."""

    name: ClassVar[str] = "recorded"
    summary: ClassVar[str] = "runs that were recorded elsewhere"
    settings_type = RecordedSettings
    baseline: ClassVar[str] = "none: each run is compared with all others"

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """One, empty."""
        return {"paper": {}}

    @staticmethod
    def space(draw: Draw) -> None:
        """Draws nothing: the runs come in a given order."""

    def train(self, settings: Any, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """See `Recipe`."""
        raise SteadytuneError("recorded runs are replayed, not trained; use `steadytune replay`")

    def open(self, path: Path) -> Any:
        """See `Recipe`."""
        raise SteadytuneError(f"{path}: recorded runs need no data; use `steadytune replay`")

    def sample(self, directory: Path) -> Path:
        """See `Recipe`."""
        raise SteadytuneError(f"{directory}: recorded runs have no sample data; replay a sweep of your own")

    def export(self, settings: RecordedSettings, directory: Path) -> list[Path]:
        """See `Recipe`."""
        raise SteadytuneError(f"{directory}: recorded runs are not exported; export the sweep that recorded them")
