"""Warm start: what the search takes from earlier sweeps of the same recipe.

Optuna's core has no transfer between studies, and Ray's OptunaSearch refuses it for define-by-run spaces. Here the best
configurations of each earlier sweep are trained first. Each is expressed as a draw from the new sweep's space
(`spaces.recorded`), and left out if that space cannot draw it. The trials are copied to the new sweep's journal, so a
resumed sweep no longer needs the earlier one.

Measured: it helps if the data are the same or related, and costs little if they are not
(tests/bench/search/searcher.md). Letting the sampler learn from all earlier trials was worse
(docs/negative-results.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.journal.events import Decided, EpochDone, PriorTrial, TrialStarted
from search.journal.segments import Journal, read
from search.pruning.curve import Curve, Point, orient
from search.pruning.decision import FAILURES
from search.pruning.objective import counts
from search.sweep.data_identity import DataIdentity, read_identity
from search.sweep.environment import read_environment
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from spaces.recorded import redrawn
from trainables.errors import SettingsError
from trainables.manifest import changes
from trainables.settings import earlier_values

CONFIGURATIONS = 3
"""Configurations of each earlier sweep that are trained first."""


@dataclass(frozen=True)
class PriorSweep:
    """What is taken from one earlier sweep.

    Attributes:
        sweep: its name.
        trials: its best trials, best first, which the search trains first.
        ended: how many of its trials had ended.
        left_out: how many of them the space cannot draw now, by the first name whose value it cannot draw.
        data: how its data differ from those of the new sweep; "" if they do not differ, or if that is not known.
    """

    sweep: str
    trials: tuple[PriorTrial, ...]
    ended: int
    left_out: Mapping[str, int]
    data: str = ""

    def __str__(self) -> str:
        counts = ", ".join(f"{count} for {name}" for name, count in self.left_out.items())
        more = f"; left out because they cannot be drawn or compared any more: {counts}" if counts else ""
        data = f" It trained on other data ({self.data}), so its values are not compared." if self.data else ""
        return f"Warm start from {self.sweep}: {len(self.trials)} of its {self.ended} ended trials{more}.{data}"


def load_prior_sweeps(plan: Plan, root: Path) -> list[PriorSweep]:
    """What the sweep takes from each earlier sweep in its `warm_start`, given by its folder or by its name in `root`.

    Raises:
        SettingsError: an earlier sweep is of another recipe.
        SteadytuneError: there is no such sweep, or its journal is damaged.
    """
    sweeps: list[PriorSweep] = []
    for name in plan.spec.warm_start:
        # An earlier sweep may itself have begun with the best configurations of another one.
        taken = [trial.drawn for sweep in sweeps for trial in sweep.trials]
        sweeps.append(_load(plan, _folder(name, root), taken))
    return sweeps


def append_prior_trials(journal: Journal, sweeps: Iterable[PriorSweep]) -> None:
    """Begin `journal` with the trials of earlier `sweeps`: all of them, or none if the process is killed."""
    for sweep in sweeps:
        for trial in sweep.trials:
            journal.append(trial)
    journal.flush()


def prior_values(plan: Plan, trials: Sequence[PriorTrial], index: int) -> dict[str, Any]:
    """The values of the search's trial `index` (from 0) after the named trainings: a prior trial's; else empty."""
    if not 0 <= index < len(trials):
        return {}
    return {name: value for name, value in trials[index].drawn.items() if name in plan.ranges}


def _folder(name: str, root: Path) -> SweepFolder:
    path = Path(name)
    if (path / "sweep.yaml").is_file():
        return SweepFolder(path.absolute().parent, path.absolute().name)
    return SweepFolder.existing(root, name, "warm_start: ")


def _load(plan: Plan, folder: SweepFolder, taken: Sequence[Mapping[str, Any]]) -> PriorSweep:
    """What `plan` takes from the sweep in `folder`, without the configurations `taken` from other sweeps."""
    recipe = folder.spec().recipe
    if recipe != plan.spec.recipe:
        raise SettingsError(
            f"warm_start names sweep {folder.name}, which trained {recipe}; it must have trained {plan.spec.recipe}"
        )
    earlier = earlier_values(plan.recipe.settings_type)
    drawable, candidates, left_out = 0, list[PriorTrial](), Counter[str]()
    identity = read_identity(folder.path)
    for started, curve, checkpoints, ended in _ended(folder, plan):
        if identity and identity.earlier and not _on_these_data(folder, started.trial, identity):
            left_out["the data, which changed"] += 1
            continue
        drawn, outside = redrawn(plan.space, plan.spec.set, {**earlier, **started.settings})
        if outside:
            left_out[outside[0]] += 1
            continue
        epoch = max(1, round(curve.epoch / int(started.settings["epochs"]) * plan.max_epochs))
        drawable += 1
        reached = curve.reached
        finished = ended.reason == "done"
        if reached and ended.reason not in FAILURES and counts(reached, curve.objective, finished, checkpoints):
            numbers = {"level": reached.value}
            candidates.append(PriorTrial(folder.name, started.trial, drawn, epoch, ended.reason, numbers))
    ended_trials = drawable + sum(left_out.values())
    return PriorSweep(folder.name, _best(candidates, plan, taken), ended_trials, left_out, _difference(identity, plan))


def _on_these_data(folder: SweepFolder, trial: int, identity: DataIdentity) -> bool:
    """Whether a trial ended on the same data as its sweep. Only such trials are compared."""
    environment = read_environment(folder.trials / f"{trial:04d}")
    return environment.get("data_fingerprint") == identity.manifest.fingerprint


def _difference(identity: DataIdentity | None, plan: Plan) -> str:
    return str(changes(identity.manifest, plan.data.manifest)) if identity and plan.data else ""


def _best(trials: list[PriorTrial], plan: Plan, taken: Sequence[Mapping[str, Any]]) -> tuple[PriorTrial, ...]:
    """The best of `trials`, each configuration once, without those `taken` and the named trainings, which run first."""
    named = [{name: settings[name] for name in plan.ranges} for _, settings in plan.named]
    ranked = [
        (orient(trial.numbers["level"], plan.recipe.mode), trial)
        for trial in trials
        if not any(trial.drawn.items() <= settings.items() for settings in named)
    ]
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    best: list[PriorTrial] = []
    for _, trial in ranked:
        if len(best) < CONFIGURATIONS and trial.drawn not in (*taken, *(other.drawn for other in best)):
            best.append(trial)
    return tuple(best)


def _ended(folder: SweepFolder, plan: Plan) -> Iterator[tuple[TrialStarted, Curve, list[int], Decided]]:
    """The ended trials of an earlier search, each once: start, curve, epochs with a checkpoint, end.

    Only its journal is read, since its data set may be gone. The objective is that of the new sweep. If a sweep was
    resumed with a larger budget, a trial may have ended more than once; its last end counts.
    """
    ends: dict[int, Decided] = {}
    started: dict[int, TrialStarted] = {}
    curves: dict[int, Curve] = {}
    checkpoints: dict[int, list[int]] = {}
    for row in read(folder.journal):
        event = row.event
        if isinstance(event, TrialStarted) and event.kind == "search":
            started[event.trial], checkpoints[event.trial] = event, []
            curves[event.trial] = Curve(plan.recipe.mode, objective=plan.spec.objective)
        elif isinstance(event, EpochDone) and event.trial in curves:
            metric = plan.recipe.metric
            curves[event.trial].add(Point.of(event.epoch, metric, event.metrics, event.losses, event.phase))
            checkpoints[event.trial] += [event.epoch] if event.bytes else []
        elif isinstance(event, Decided) and event.action == "stop" and event.trial in curves:
            ends.pop(event.trial, None)
            ends[event.trial] = event
    for number, end in ends.items():
        yield started[number], curves[number], checkpoints[number], end
