"""One configuration trained on several data sets at the same time, epoch by epoch; its metrics are the means.

Ultralytics' tuner trains them one after the other, so it knows the mean only at the end. Here it is known after each
epoch, at the price of all models in memory at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from torch import nn

from trainables.recipe import Alarm
from trainables.ultralytics.data import UltralyticsData
from trainables.ultralytics.processes import ProcessesTraining
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.training import UltralyticsTraining

Values = dict[str, float]
OneTraining = UltralyticsTraining | ProcessesTraining
"""On one data set, in this process or in several."""


class SeveralTrainings:
    """Trainings of the same settings, by the name of their data set; see `trainables.loop.Training`."""

    def __init__(self, trainings: Mapping[str, OneTraining]) -> None:
        self._trainings = dict(trainings)
        self._first = next(iter(self._trainings.values()))
        self.epochs = self._first.epochs

    @property
    def model(self) -> nn.Module:
        """All their networks."""
        return nn.ModuleList([training.model for training in self._trainings.values()])

    def phase(self, epoch: int) -> str:
        """See `UltralyticsTraining.phase`; the same for all."""
        return self._first.phase(epoch)

    def train_epoch(self, epoch: int) -> tuple[Values, Values]:
        """Train `epoch` on each data set; the losses are means, the seconds sums."""
        done = [training.train_epoch(epoch) for training in self._trainings.values()]
        return _means([losses for losses, _ in done]), {"train": sum(seconds["train"] for _, seconds in done)}

    def steps(self) -> list[float]:
        """None: the data sets' steps do not belong together."""
        return []

    def evaluate(self, epoch: int) -> tuple[Values, Values]:
        """Evaluate on each data set; metrics and losses are means, and "NAME/fitness" is that of one."""
        done = {name: training.evaluate(epoch) for name, training in self._trainings.items()}
        if self.alarm():
            return {}, {}
        of_sets = {f"{name}/fitness": metrics["fitness"] for name, (metrics, _) in done.items()}
        return _means([metrics for metrics, _ in done.values()]) | of_sets, _means(
            [losses for _, losses in done.values()]
        )

    def alarm(self) -> Alarm | None:
        """The first that one of them gives."""
        for name, training in self._trainings.items():
            if alarm := training.alarm():
                return Alarm(alarm.reason, f"on {name}: {alarm.detail}")
        return None

    def rates(self) -> Values:
        """Of the first; the others' follow the same schedule."""
        return self._first.rates()

    def state(self) -> dict[str, Any]:
        """Of each, by its name."""
        return {"sets": {name: training.state()["sets"][name] for name, training in self._trainings.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        for name, training in self._trainings.items():
            training.load_state({"sets": {name: state["sets"][name]}})

    def close(self) -> None:
        """End all of them."""
        for training in self._trainings.values():
            training.close()


def new_training(settings: UltralyticsSettings, data: UltralyticsData, workdir: Path) -> OneTraining | SeveralTrainings:
    """A training from its start, on one data set or several, each of these in a folder of its own in `workdir`."""
    kind = UltralyticsTraining if settings.processes == 1 else ProcessesTraining
    if len(data.sets) == 1:
        return kind(settings, data.sets[0], workdir, data.scans)
    trainings: dict[str, OneTraining] = {}
    for dataset in data.sets:
        folder = workdir / dataset.name
        folder.mkdir(parents=True, exist_ok=True)
        trainings[dataset.name] = kind(settings, dataset, folder, data.scans)
    return SeveralTrainings(trainings)


def _means(several: Sequence[Values]) -> Values:
    """The mean of each name that all of them have."""
    shared = [name for name in several[0] if all(name in values for values in several)]
    return {name: fmean(values[name] for values in several) for name in shared}
