"""A training that several processes share: `ProcessesTraining` drives them, `ProcessTraining` is in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from torch import nn

from trainables.loop import STATE, nonfinite_weights, seed_generators
from trainables.rank import Rank
from trainables.ranks import Ranks
from trainables.recipe import Alarm
from trainables.torch_file import load_torch
from trainables.ultralytics.data import DataSet
from trainables.ultralytics.settings import UltralyticsSettings, phase_of
from trainables.ultralytics.training import UltralyticsTraining

Values = dict[str, float]


@dataclass(frozen=True)
class Trained:
    """What a process says of an epoch's batches, of which it had its part."""

    losses: Values
    seconds: Values
    steps: list[float]
    rates: Values
    alarm: Alarm | None


@dataclass(frozen=True)
class Evaluated:
    """What a process says of an epoch's evaluation; only the first one knows metrics and losses."""

    metrics: Values
    losses: Values
    alarm: Alarm | None


class ProcessTraining:
    """In a process: the training as the process `rank` of several sees it."""

    def __init__(
        self, rank: Rank, settings: UltralyticsSettings, dataset: DataSet, workdir: Path, scans: dict[str, Any]
    ) -> None:
        folder = workdir if rank.number == 0 else Path(mkdtemp(dir=rank.meeting.parent))  # only the first one's stays
        self._rank, self._settings, self._scans = rank, settings, scans
        self._training = UltralyticsTraining(settings, dataset, folder, scans, rank)

    def scans(self) -> dict[str, Any]:
        """What Ultralytics read of the labels."""
        return self._scans

    def train(self, epoch: int) -> Trained:
        """Train `epoch`, with random numbers of this process' own."""
        seed_generators(self._settings.seed, "train", epoch, self._rank.number)
        losses, seconds = self._training.train_epoch(epoch)
        alarm = nonfinite_weights(self._training.model) or self._training.alarm()
        return Trained(losses, seconds, self._training.steps(), self._training.rates(), alarm)

    def evaluate(self, epoch: int) -> Evaluated:
        """Evaluate this process' part of the held-out images."""
        seed_generators(self._settings.seed, "evaluate", epoch, self._rank.number)
        metrics, losses = self._training.evaluate(epoch)
        return Evaluated(metrics, losses, self._training.alarm())

    def write_state(self, file: Path) -> None:
        """Write the training's state to `file`."""
        torch.save(self._training.state(), file)

    def read_state(self, file: Path) -> None:
        """Take back what `write_state` wrote."""
        self._training.load_state(load_torch(file))

    def close(self) -> None:
        """See `UltralyticsTraining.close`."""
        self._training.close()


class ProcessesTraining:
    """The training as the shared epoch loop sees it; see `trainables.loop.Training`.

    What is reported is what Ultralytics reports: losses of the first process' part of the batches, metrics of all
    held-out images.

    Raises:
        Exception: what one of the processes raised.
        KilledError: one of them died.
    """

    def __init__(self, settings: UltralyticsSettings, dataset: DataSet, workdir: Path, scans: dict[str, Any]) -> None:
        self.epochs = settings.epochs
        self.model = nn.Module()  # it is in the processes, which look themselves whether it is finite
        self._settings = settings
        self._alarm: Alarm | None = None
        self._steps: list[float] = []
        self._rates: Values = {}
        target = f"{ProcessTraining.__module__}:{ProcessTraining.__name__}"
        self._ranks = Ranks(settings.processes, workdir, target, settings, dataset, workdir, scans)
        if not scans:  # the next training in this process need not read the labels again
            scans.update(self._ranks.ask_first("scans"))

    def phase(self, epoch: int) -> str:
        """See `phase_of`."""
        return phase_of(self._settings, epoch)

    def train_epoch(self, epoch: int) -> tuple[Values, Values]:
        """Have all processes train `epoch`."""
        trained: list[Trained] = self._ranks.ask("train", epoch)
        self._alarm = next((answer.alarm for answer in trained if answer.alarm), None)
        self._steps, self._rates = trained[0].steps, trained[0].rates
        return trained[0].losses, trained[0].seconds

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._steps

    def evaluate(self, epoch: int) -> tuple[Values, Values]:
        """Have all processes evaluate."""
        if self._alarm:
            return {}, {}
        evaluated: list[Evaluated] = self._ranks.ask("evaluate", epoch)
        self._alarm = next((answer.alarm for answer in evaluated if answer.alarm), None)
        return evaluated[0].metrics, evaluated[0].losses

    def alarm(self) -> Alarm | None:
        """The first that one of them gives."""
        return self._alarm

    def rates(self) -> Values:
        """See `UltralyticsTraining.rates`."""
        return self._rates

    def state(self) -> dict[str, Any]:
        """Of the first process: the others have the same weights, and what they have of their own is made anew."""
        file = self._ranks.folder / STATE
        self._ranks.ask_first("write_state", file)
        state: dict[str, Any] = load_torch(file)
        file.unlink()
        return state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned, in all processes."""
        file = self._ranks.folder / STATE
        torch.save(dict(state), file)
        self._ranks.ask("read_state", file)
        file.unlink()

    def close(self) -> None:
        """Have the first process write the best model, and end all of them."""
        self._ranks.end("close")
