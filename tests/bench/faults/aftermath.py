"""What is wrong with a sweep after a fault."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.control.coordinator import Coordinator
from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.replay.simulation import Clock, DiscardingJournal
from search.sampling.searcher import FAILURE_CONSTRAINT
from search.state.outcome import finalist_numbers
from search.sweep.folder import SweepFolder
from tests.bench.faults.struck import FOREVER, NAME, Moment, events_of
from tests.support.explained import unexplained


@dataclass
class Count:
    """What was found after a fault."""

    lost: int = 0
    twice: int = 0
    differing: int = 0
    unexplained: int = 0
    no_reason: int = 0
    orphans: int = 0
    left_over: int = 0
    notes: list[str] = field(default_factory=list)


def log(events: list[Any]) -> dict[int, tuple[Any, ...]]:
    """What was drawn and decided, by trial."""
    by_trial: dict[int, tuple[Any, ...]] = {}
    for event in events:
        if isinstance(event, TrialStarted):
            by_trial[event.trial] = (event.kind, event.of, event.seed, tuple(event.drawn.items()))
        elif isinstance(event, Decided):
            by_trial[event.trial] += (event.epoch, event.action, event.reason)
    return by_trial


def count(root: Path, kind: str, at: Moment, state: Any, unbroken: dict[int, tuple[Any, ...]] | None) -> Count:
    """What is wrong after the sweep; it is compared with the `unbroken` one if that decides the same."""
    counted, events = Count(), events_of(root)
    started = Counter(event.trial for event in events if isinstance(event, TrialStarted))
    ended = Counter(event.trial for event in events if isinstance(event, Decided) and event.action == "stop")
    epochs = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    failed = {event.trial for event in events if isinstance(event, Decided) and event.reason in ("failed", "nonfinite")}
    allowed = {at.trial} if kind in FOREVER else set()
    counted.lost = len(started.keys() - ended.keys()) + len(failed - allowed)
    counted.notes += [f"{number}: {state.trials[number].decision.detail}" for number in failed - allowed]
    counted.twice = sum(number - 1 for number in (*started.values(), *ended.values(), *epochs.values()))
    if kind in FOREVER:
        counted.no_reason = int(not _told(root, state, at.trial, FOREVER[kind]))
    elif unbroken is not None:
        ours = log(events)
        counted.differing = sum(ours.get(trial) != unbroken.get(trial) for trial in ours.keys() | unbroken.keys())
    problems = unexplained(state.plan, read(SweepFolder(root / "sweeps", NAME).journal))
    counted.unexplained, counted.notes = len(problems), counted.notes + problems
    counted.left_over = len(left_over(root, kind, at, state))
    counted.notes += [str(path) for path in left_over(root, kind, at, state)]
    return counted


def _told(root: Path, state: Any, number: int, words: str) -> bool:
    """Whether the trial's decision begins with `words` and the study has it as infeasible."""
    coordinator = Coordinator(state.plan, DiscardingJournal(Clock()), delete=lambda trial, epoch: None)
    coordinator.restore(read(SweepFolder(root / "sweeps", NAME).journal))
    trial = state.trials[number]
    (in_study,) = (trial for trial in coordinator.searcher.study.trials if trial.number == number)
    is_explained = trial.decision is not None and trial.decision.detail.startswith(words)
    return bool(is_explained and in_study.constraints == {FAILURE_CONSTRAINT: 1.0})


def left_over(root: Path, kind: str, at: Moment, state: Any) -> list[Path]:
    """Checkpoints that should be gone, and half-written or half-deleted things."""
    folder = SweepFolder(root / "sweeps", NAME)
    bound = max(state.plan.spec.keep_checkpoints, len(finalist_numbers(state)))
    whole = sorted(folder.trials.glob("*/checkpoints/epoch-????"))
    if kind == "checkpoints unwritable":
        whole = [path for path in whole if path.parents[1].name != f"{at.trial:04d}"]
    halves = [path for word in ("partial", "removed", "damaged") for path in folder.path.rglob(f"*.{word}")]
    halves = [path for path in halves if not (kind == "last segment torn" and path.suffix == ".damaged")]
    return whole[bound:] + halves + ([folder.ray] if folder.ray.exists() else [])
