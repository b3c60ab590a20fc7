"""Warm start: what earlier sweeps of the recipe found out, for the search of a new one.

Optuna has no transfer in its core, and Ray's OptunaSearch refuses it for define-by-run spaces. Here each ended trial of
an earlier sweep is looked at as a draw from the new sweep's space (`spaces.recorded`), and left out if that could not
draw it. What is taken goes into the new sweep's journal, so a resume needs the earlier sweep no more. Two ways:

    best    the best configurations are trained first. Measured to help where the data are the same or related about as
            much as the other way, and to cost little where they are not (tests/bench/search/searcher.md)
    all     the sampler learns from every trial, its metric put beside the new sweep's (`search.sampling.scale`). Where
            the earlier data were another matter this kept the search in the wrong place for all of its 30 trials
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.journal.events import Decided, EarlierTrial, EpochDone, TrialStarted
from search.journal.segments import Journal, read
from search.pruning.curve import Curve, Point
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from spaces.recorded import redrawn
from trainables.errors import SettingsError

BEST = 3
"""Configurations of each earlier sweep that are trained first."""


@dataclass(frozen=True)
class Recalled:
    """What is taken from one earlier sweep.

    Attributes:
        sweep: its name.
        trials: those that the search takes up.
        ended: how many had ended there.
        left_out: how many were left out, by the first name whose value the space cannot draw now.
    """

    sweep: str
    trials: tuple[EarlierTrial, ...]
    ended: int
    left_out: Mapping[str, int]

    def __str__(self) -> str:
        why = ", ".join(f"{number} for {name}" for name, number in self.left_out.items())
        more = f"; left out because a value cannot be drawn any more: {why}" if why else ""
        return f"Warm start from {self.sweep}: {len(self.trials)} of its {self.ended} ended trials{more}."


def recall(made: Plan, root: Path) -> list[Recalled]:
    """What `made` takes from each sweep that it names: a folder, or a name in `root`.

    Raises:
        SettingsError: a sweep of another recipe.
        SteadytuneError: no such sweep, or its journal is damaged.
    """
    return [_recall(made, _folder(name, root)) for name in made.spec.warm_start]


def feed(journal: Journal, recalled: Iterable[Recalled]) -> None:
    """Begin `journal` with the trials that were recalled, whole or not at all."""
    for one in recalled:
        for trial in one.trials:
            journal.append(trial)
    journal.flush()


def _folder(name: str, root: Path) -> SweepFolder:
    path = Path(name)
    if (path / "sweep.yaml").is_file():
        return SweepFolder(path.absolute().parent, path.absolute().name)
    return SweepFolder.existing(root, name)


def _recall(made: Plan, folder: SweepFolder) -> Recalled:
    recipe = folder.spec().recipe
    if recipe != made.spec.recipe:
        raise SettingsError(
            f"warm_start names sweep {folder.name}, which trained {recipe}; it must have trained {made.spec.recipe}"
        )
    taken, left_out = [], Counter[str]()
    for started, curve, ended in _ended(folder, made):
        drawn, outside = redrawn(made.space, made.spec.set, started.settings)
        if outside:
            left_out[outside[0]] += 1
            continue
        epoch = max(1, round(curve.epoch / int(started.settings["epochs"]) * made.max_epochs))
        numbers = {} if curve.smoothed_value is None else {"level": curve.smoothed_value}
        taken.append(EarlierTrial(folder.name, started.trial, drawn, epoch, ended.reason, numbers))
    count = len(taken) + sum(left_out.values())
    chosen = _best(taken, made) if made.spec.warm_start_with == "best" else sorted(taken, key=lambda one: one.trial)
    return Recalled(folder.name, tuple(chosen), count, left_out)


def _best(trials: list[EarlierTrial], made: Plan) -> list[EarlierTrial]:
    """The best that trained to their end, without the named trainings that run first anyway."""
    sign = 1.0 if made.recipe.mode == "max" else -1.0
    named = [{name: values[name] for name in made.ranges} for _, values in made.named]
    finished = [
        one
        for one in trials
        if one.reason == "done" and one.level is not None and not any(one.drawn.items() <= run.items() for run in named)
    ]
    return sorted(finished, key=lambda one: -sign * (one.level or 0.0))[:BEST]


def _ended(folder: SweepFolder, made: Plan) -> Iterator[tuple[TrialStarted, Curve, Decided]]:
    """The ended trials of an earlier search. Only its journal is read: its data set may be gone."""
    started: dict[int, TrialStarted] = {}
    curves: dict[int, Curve] = {}
    for row in read(folder.journal):
        event = row.event
        if isinstance(event, TrialStarted) and event.kind == "search":
            started[event.trial], curves[event.trial] = event, Curve(made.recipe.mode)
        elif isinstance(event, EpochDone) and event.trial in curves:
            metric = made.recipe.metric
            curves[event.trial].add(Point.of(event.epoch, metric, event.metrics, event.losses, event.phase))
        elif isinstance(event, Decided) and event.action == "stop" and event.trial in curves:
            yield started[event.trial], curves[event.trial], event
