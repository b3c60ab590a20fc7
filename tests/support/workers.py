"""Workers that run a coordinator's trials in virtual time, a disk and a clock of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.control.assignment import Assignment
from search.control.coordinator import Coordinator
from search.journal.events import Decided, EpochDone, Row, TrialStarted
from search.journal.segments import Journal, read
from search.pruning.rungs import RungResult
from search.state.outcome import finalist_numbers, result
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.sweep.requests import RequestBox
from tests.support.fakes import Curves, CurveSettings, plan_of
from trainables.recipe import Epoch
from trainables.settings import parse


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Disk:
    """The checkpoints of all trials, and each deletion in its order."""

    checkpoints: set[tuple[int, int]] = field(default_factory=set)
    deleted: list[tuple[int, int]] = field(default_factory=list)

    def delete(self, trial: int, epoch: int) -> None:
        self.checkpoints.discard((trial, epoch))
        self.deleted.append((trial, epoch))

    def newest(self, assignment: Assignment) -> int:
        """The epoch that a worker resumes from; what is newer than the driver knows of goes, as in `trainable`."""
        epochs_on_disk = {epoch for trial, epoch in self.checkpoints if trial == assignment.trial}
        self.checkpoints -= {(assignment.trial, epoch) for epoch in epochs_on_disk if epoch > assignment.epochs}
        return max((epoch for epoch in epochs_on_disk if epoch <= assignment.epochs), default=0)


@dataclass
class Clock:
    """Wall-clock seconds that pass only when told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Workers:
    """Runs a coordinator's trials in turn, an epoch at a time, `places` of them at once."""

    places: int = 2
    disk: Disk = field(default_factory=Disk)
    checkpoint_every: int = 1
    clock: Clock = field(default_factory=Clock)
    epoch_seconds: float = 1.0
    running: dict[int, tuple[Iterator[Epoch], Assignment]] = field(default_factory=dict)

    def run(self, coordinator: Coordinator) -> None:
        """Until the sweep is over."""
        while not coordinator.over:
            coordinator.take_requests()
            self.fill(coordinator)
            for trial in list(self.running):
                self.step(coordinator, trial)
            self.clock.seconds += self.epoch_seconds

    def fill(self, coordinator: Coordinator) -> None:
        """Start what is handed out while there are places."""
        while len(self.running) < self.places:
            assignment = coordinator.next()
            if assignment is None:
                return
            settings = parse(CurveSettings, assignment.settings, "worker")
            self.running[assignment.trial] = (_from(settings, self.disk.newest(assignment)), assignment)

    def step(self, coordinator: Coordinator, trial: int) -> None:
        """One epoch of `trial`."""
        epochs, assignment = self.running[trial]
        try:
            epoch = next(epochs, None)
            if epoch is None:
                raise RuntimeError("the recipe ended before the epochs of its settings")
        except RuntimeError as error:
            del self.running[trial]
            coordinator.fail(trial, str(error))
            return
        seconds = {"seconds": {"train": self.epoch_seconds}}
        done = done_of(trial, epoch, **seconds)
        last = epoch.epoch == assignment.settings["epochs"]
        rung = epoch.epoch in coordinator.scheduler.rungs
        if not epoch.alarm and (last or rung or epoch.epoch % self.checkpoint_every == 0):
            self.disk.checkpoints.add((trial, epoch.epoch))
            done = done_of(trial, epoch, checkpoint=f"epoch-{epoch.epoch:04d}", bytes=100, **seconds)
        if not coordinator.report(done):
            del self.running[trial]


def _from(settings: CurveSettings, resumed: int) -> Iterator[Epoch]:
    for number in range(resumed + 1, settings.epochs + 1):
        yield Curves().epoch(settings, number)


def done_of(trial: int, epoch: Epoch, **more: Any) -> EpochDone:
    """The journal's event of `epoch`."""
    alarm: dict[str, Any] = {"alarm": epoch.alarm.reason, "alarm_detail": epoch.alarm.detail} if epoch.alarm else {}
    values: dict[str, Any] = {
        "phase": epoch.phase,
        "metrics": dict(epoch.metrics),
        "losses": dict(epoch.losses),
        "rates": dict(epoch.rates),
        "seconds": dict(epoch.seconds),
    }
    return EpochDone(trial, epoch.epoch, **values | alarm | more)


def coordinator_of(
    plan: Plan,
    journal: Path,
    workers: Workers,
    listen: Callable[[Row, SweepState], None] = lambda row, state: None,
    requests: RequestBox | None = None,
) -> Coordinator:
    """A coordinator on `journal` whose checkpoints and clock are those of `workers`; not opened yet."""
    written = Journal(journal)
    return Coordinator(plan, written, delete=workers.disk.delete, requests=requests, listen=listen, clock=workers.clock)


def swept(plan: Plan, journal: Path, workers: Workers | None = None) -> Coordinator:
    """A whole sweep, run to its end (without its result)."""
    workers = workers or Workers()
    coordinator = coordinator_of(plan, journal, workers)
    coordinator.open(workers.places)
    workers.run(coordinator)
    return coordinator


def finish(coordinator: Coordinator, past: Sequence[Row], workers: Workers) -> None:
    """Run a sweep to its result, from where its journal ends."""
    if past:
        coordinator.restore(past)
    coordinator.open(workers.places)
    workers.run(coordinator)
    if coordinator.state.ended is None:
        coordinator.end(result(coordinator.state))


def events(journal: Path, kind: type) -> list[Any]:
    return [row.event for row in read(journal) if isinstance(row.event, kind)]


def ends(journal: Path) -> dict[int, Decided]:
    """The decision that ended each trial."""
    return {event.trial: event for event in events(journal, Decided) if event.action == "stop"}


def reasons(coordinator: Coordinator) -> dict[int, str]:
    trials = coordinator.state.trials.items()
    return {number: trial.decision.reason for number, trial in trials if trial.decision}


def confirmations(coordinator: Coordinator) -> dict[int, list[int]]:
    """The seeds on which each finalist was trained again."""
    state = coordinator.state
    return {of: [trial.started.seed for trial in state.trials.confirmations(of)] for of in finalist_numbers(state)}


def grown(data: Path, trials: int) -> SweepState:
    """So many trials of one epoch whose score is their quality."""
    plan = plan_of(data, trials=trials, confirm_top=0)
    state = SweepState(plan)
    for number in range(trials):
        quality = 0.01 * 100 ** ((number * 37 % trials) / trials)
        drawn = {"quality": quality, "shape": ["fast", "slow"][number % 2], "depth": number % 3 + 1}
        for event in (
            TrialStarted(number, "search", number, "", number, drawn, {}),
            EpochDone(number, 1, "main", {"score": quality}, {"train": 1.0}, {}, {"train": 0.5}),
            Decided(number, 1, "stop", "done", "told"),
        ):
            state.apply(Row(0, 0.0, event))
    return state


def rungs_of(coordinator: Coordinator) -> list[RungResult]:
    """Each trial's result at each rung where it was compared."""
    return [
        coordinator.scheduler.rung_result(trial.number, int(compared.numbers["rung"]))
        for trial in coordinator.state.trials.search
        for compared in trial.decisions
        if compared.reason == "rung"
    ]
