"""Recorded trainings, and the sweep that simulates them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from search.pruning.curve import Curve
from search.pruning.objective import ObjectiveName, reached
from search.sweep.plan import Plan
from search.sweep.spec import read_spec
from spaces.space import Draw
from trainables.errors import DataError, SteadytuneError
from trainables.recipe import Epoch, Recipe
from trainables.settings import Settings

Mode = Literal["max", "min"]
MIN_RUNS = 2
"""With fewer runs there is nothing to compare."""


@dataclass(frozen=True)
class Run:
    """One recorded training.

    Attributes:
        name: in its source: a folder, a run's name, a trial's number.
        curve: of all its epochs.
        seconds: wall time of each of them.
        settings: as far as the source has them.
        censored: whether it had been stopped early or had not ended, so that its further course is unknown.
    """

    name: str
    curve: Curve
    seconds: tuple[float, ...]
    settings: dict[str, Any]
    censored: bool = False

    def reached(self, objective: ObjectiveName) -> float | None:
        """Its objective at its end, oriented so that higher is better; None if it has no value."""
        values = [point.value for point in self.curve.evaluated if point.value is not None]
        at_end = reached([point.epoch for point in self.curve.evaluated], values, self.curve.mode, objective)
        return None if at_end is None else self.curve.oriented(at_end.value)


@dataclass(frozen=True)
class Recording:
    """Trainings that are comparable: one data set, one metric, one length.

    Attributes:
        name: of the sweep or the folder.
        metric, mode: the objective.
        max_epochs: epochs of a whole training.
        runs: one or more.
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

    def plan(self, order: list[int], scheduler_settings: dict[str, Any]) -> Plan:
        """The sweep that starts the runs in `order` (indexes into `runs`); `scheduler_settings` are its fields."""
        recording = self

        class RecordedHere(Recorded):
            metric: ClassVar[str] = recording.metric
            mode: ClassVar[Mode] = recording.mode

        fields = {"name": "replay", "recipe": RecordedHere.name, "data": self.name, "trials": len(order)}
        fields |= {"confirm_top": 0, "audit": 0.0}  # what was not recorded cannot be simulated
        named = tuple(("", {"run": index, "epochs": self.runs[index].curve.epoch}) for index in order)
        return Plan(
            read_spec(fields | scheduler_settings, "policy"),
            RecordedHere(),
            RecordedHere.space,
            named,
            {},
            self.max_epochs,
        )


def comparable(recordings: Iterable[Recording], source: str) -> list[Recording]:
    """Those with at least `MIN_RUNS` runs.

    Raises:
        DataError: there are none; `source` begins the message.
    """
    with_enough = [recording for recording in recordings if len(recording.runs) >= MIN_RUNS]
    if not with_enough:
        raise DataError(
            f"{source}: no two comparable trainings in it; at least {MIN_RUNS} of the same length are needed"
        )
    return with_enough


class RecordedSettings(Settings):
    """The run's index in the recording, and its epochs."""

    run: int = 0
    epochs: int = 1


class Recorded(Recipe[RecordedSettings, Any]):
    """Stands for the recipe of the runs: it has what a scheduler needs (metric, mode, settings), but cannot train."""

    name: ClassVar[str] = "recorded"
    summary: ClassVar[str] = "runs that were recorded elsewhere"
    settings_type = RecordedSettings
    baseline: ClassVar[str] = "none: each run is compared with all others"

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """One, which is empty."""
        return {"paper": {}}

    @staticmethod
    def space(draw: Draw) -> None:
        """Draws nothing: the runs start in a given order."""

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
