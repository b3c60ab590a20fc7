"""What a sweep's journal adds up to.

The same events in the same order give the same state, whether they happen now or are read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from search.journal.epoch_block import EpochBlock
from search.journal.events import (
    TARGETS,
    VERSION,
    Decided,
    EpochDone,
    PriorTrial,
    Requested,
    Row,
    SearchEnded,
    SweepEnded,
    SweepExtended,
    SweepOpened,
    TrialStarted,
)
from search.pruning.curve import Curve
from search.state.extension import gives_more
from search.state.incumbents import Incumbents
from search.state.listeners import TrialListener
from search.state.started import CommonSettings
from search.state.trial_state import TrialState
from search.state.trials import Trials
from search.state.utilisation import Utilisation
from search.sweep.plan import Plan
from trainables.errors import SteadytuneError
from trainables.settings import earlier_values


class SweepState:
    """A sweep as its journal describes it: its trials, and sums over them.

    Args:
        plan: the checked sweep.
        listeners: hear of each trial's events after the state has applied them. A process that only reads has none.

    Attributes:
        trials: all trials by number, and the groups of them.
        prior_trials: trials of earlier sweeps that the search starts from.
        epochs: epochs that the search's trials have taken (without confirmations and audits).
        active_seconds: wall time between the events, without the time between a kill and a resume.
        search_ended: why no more trials are drawn, if the search ended itself.
        ended: the sweep's result, once it has one.
        extensions: the changes of its description since it began, in order.
        requests: what users asked for by hand, by the request's id.
        stopped_by_hand: whether a user ended the search.
        started_by_hand: how many trials of the search users have added.
        to_repeat: named trainings to start again: they failed, like all other trials, before the first epoch, and the
            sweep was resumed once the cause was removed.
        repeated: how many trials of the search are such repeats.
        finished_before: how many trials had finished (`Trials.finished`) when the sweep was last given more to do; 0 if
            it never was.
    """

    def __init__(self, plan: Plan, listeners: Sequence[TrialListener] = ()) -> None:
        self.plan = plan
        self.trials = Trials(plan.spec.limits)
        self.prior_trials: list[PriorTrial] = []
        self.epochs = 0
        self.active_seconds = 0.0
        self.search_ended: SearchEnded | None = None
        self.ended: SweepEnded | None = None
        self.extensions: list[SweepExtended] = []
        self.requests: dict[str, Requested] = {}
        self.stopped_by_hand = False
        self.started_by_hand = 0
        self.finished_before = 0
        self.to_repeat: list[str] = []
        self.repeated = 0
        self._listeners = listeners
        self._latest: float | None = None
        self._version = VERSION
        self._earlier_values = earlier_values(plan.recipe.settings_type)
        self._common_settings = CommonSettings()
        self._utilisation = Utilisation()
        self._incumbents = Incumbents()

    def apply(self, row: Row) -> None:
        """Take one event into account."""
        event = row.event
        if isinstance(event, EpochDone):
            metric, others = self.plan.recipe.metric, self.plan.target_metrics
            self.apply_epochs(EpochBlock.of(row.seq, row.time, event, metric, others))
            if event.checkpoint:
                self.trials[event.trial].checkpoints[event.epoch] = event.bytes
            return
        if isinstance(event, (SweepOpened, SweepExtended)) or (isinstance(event, Requested) and self.ended):
            self._latest = row.time  # nothing ran between the last event and this one
        self._advance(row.time)
        match event:
            case SweepOpened():
                self._open(event)
            case SweepExtended():
                self._extend(event)
            case PriorTrial():
                self.prior_trials.append(event)
            case TrialStarted():
                self._start(event)
            case Decided():
                self._decide(row.seq, event)
            case Requested():
                self._take(event)
            case SearchEnded():
                self.search_ended = event
            case SweepEnded():
                self.ended = event

    def apply_epochs(self, block: EpochBlock) -> None:
        """Take epochs of one trial into account."""
        self._check_started(block.seq, block.trial)
        self._advance(block.time)
        self._utilisation.add(block)
        trial = self.trials[block.trial]
        trial.add(block)
        if trial.is_search:
            self.epochs += len(block.epochs)
            self._incumbents.add(block, trial.curve)
        for listener in self._listeners:
            listener.trained(trial, block)

    def _check_started(self, seq: int, trial: int) -> None:
        """Notice a file of another sweep in the journal's folder: older journals have no ids that would show it.

        Raises:
            SteadytuneError: an event is about a trial that has not started.
        """
        if trial not in self.trials:
            raise SteadytuneError(
                f"row {seq} of the journal of sweep {self.plan.spec.name} is about trial {trial}, which has not "
                "started; a file of another sweep lies in its folder journal/: take it out"
            )

    def _advance(self, time: float) -> None:
        if self._latest is not None:
            self.active_seconds += time - self._latest
        self._latest = time

    def _open(self, event: SweepOpened) -> None:
        self._utilisation.open(event.worker_slots)
        self._version = event.version or 1
        if not any(trial.curve.epoch for trial in self.trials.values()):
            failed = {trial.started.named for trial in self.trials.search if trial.failed}
            self.to_repeat = [name for name, _ in self.plan.named if name in failed]

    def _extend(self, event: SweepExtended) -> None:
        self.extensions.append(event)
        if gives_more(event.changes):
            self.trials.take_back_ends()
            self.search_ended, self.ended, self.stopped_by_hand = None, None, False
            self.finished_before = self.trials.finished

    def _take(self, event: Requested) -> None:
        self.requests[event.request] = event
        if event.accepted and event.verb == "stop" and event.trial is None:
            self.stopped_by_hand = True
        if event.adds:  # if the sweep has ended, it goes on
            self.ended = None

    @property
    def to_add(self) -> Sequence[Requested]:
        """The trials that users have added by hand and that have not started, in order."""
        return [request for request in self.requests.values() if request.adds][self.started_by_hand :]

    @property
    def trial_budget(self) -> int:
        """How many trials the search may have: those of the sweep file, and those that users have added."""
        return self.plan.spec.trials + self.started_by_hand

    def _start(self, event: TrialStarted) -> None:
        recipe = self.plan.recipe
        if self._earlier_values:  # settings that an older version stored may lack fields that came later
            event = replace(event, settings={**self._earlier_values, **event.settings})
        started = self._common_settings.of(event)
        curve = Curve(recipe.mode, objective=self.plan.spec.objective, bounds=self.plan.bounds)
        is_baseline = event.named == recipe.baseline
        is_reference = event.named in self.plan.references
        trains_to_end = is_reference or event.named in recipe.tried_first
        trial = TrialState(started, curve, is_baseline, is_reference, trains_to_end)
        self.trials.add(trial)
        self.started_by_hand += event.by_hand
        if trial.is_search and event.named in self.to_repeat:
            self.to_repeat.remove(event.named)
            self.repeated += 1
        for listener in self._listeners:
            listener.started(trial)

    def _decide(self, seq: int, event: Decided) -> None:
        self._check_started(seq, event.trial)
        decision = self._in_own_sign(event)
        trial = self.trials.decide(decision)
        for listener in self._listeners:
            listener.decided(trial, decision)

    def _in_own_sign(self, event: Decided) -> Decided:
        """The decision with "value" and "cutoff" in the metric's own sign, which version 1 of the journal negated."""
        if self._version > 1 or self.plan.recipe.mode == "max" or event.reason != "rung":
            return event
        negated = {name: -event.numbers[name] for name in ("value", "cutoff") if name in event.numbers}
        return replace(event, numbers=event.numbers | negated)

    def trial(self, number: int) -> TrialState:
        """The trial of that number.

        Raises:
            SteadytuneError: there is none.
        """
        if number not in self.trials:
            range_text = f"it has trials 0 to {len(self.trials) - 1}" if self.trials else "it has none yet"
            raise SteadytuneError(f"no trial {number} in sweep {self.plan.spec.name}; {range_text}")
        return self.trials[number]

    @property
    def targets_met(self) -> bool:
        """Whether the search ended because a trial met all targets."""
        return self.search_ended is not None and TARGETS in self.search_ended.numbers

    @property
    def worker_slots(self) -> int:
        """How many trials run at a time, since the sweep was last opened."""
        return self._utilisation.worker_slots

    @property
    def utilisation(self) -> float:
        """Share of the workers' time, between the first and the last epoch, that went to training and evaluation."""
        return self._utilisation.share

    @property
    def data_share(self) -> float:
        """Share of the epochs' time in which trainings waited for data."""
        return self._utilisation.data_share

    @property
    def gpu_bytes(self) -> int:
        """The most GPU memory that a trial took; 0 if none had a GPU."""
        return max((trial.gpu_bytes for trial in self.trials.values()), default=0)

    @property
    def epoch_seconds(self) -> float:
        """Mean time that an epoch took on its worker; 0 before the first."""
        return self._utilisation.epoch_seconds

    @property
    def incumbents(self) -> list[tuple[int, int, float]]:
        """(epochs taken by then, trial, objective) each time the search's best objective so far rose."""
        return self._incumbents.rises()
