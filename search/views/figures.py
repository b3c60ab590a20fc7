"""The figures of a sweep, as pure functions of its state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from search.pruning.curve import Point
from search.pruning.decision import FAILURES, REASONS
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.charts.chart import Axis, Chart, Panel, Parallel, Series
from search.views.importance import Importance, ranking_key
from search.views.status_table import label, short

MOST_CURVES = 300
"""Learning curves in one figure: an 800-pixel plot shows no more apart, and a browser stays quick."""
MOST_EPOCHS = 400
"""Points of one curve: two for each of 200 places along the figure, so that no peak is lost."""
MOST_POINTS = 1000
"""Trials in a slice or in parallel coordinates."""
MOST_SLICES = 16

FINISHED, GOING, WAITING, STOPPED, CUT, LOSING, CONFIRMED = (
    "trained to the end",
    "running",
    "waits at a rung",
    "stopped as behind",
    "cut short by the budget",
    "stopped as lost",
    "trained again to confirm",
)
COLOURS = {
    FINISHED: "#2ca02c",
    GOING: "#1f77b4",
    WAITING: "#bcbd22",
    STOPPED: "#ff7f0e",
    CUT: "#7f7f7f",
    LOSING: "#d62728",
    CONFIRMED: "#9467bd",
}
"""By what became of a trial; matplotlib's own ten colours."""


def outcome(trial: TrialState) -> str:
    """What became of a trial, in the words of the legend."""
    if trial.decision is None:
        return WAITING if trial.paused else GOING
    reason = trial.decision.reason
    if reason == "budget":
        return CUT
    return FINISHED if reason == "done" else LOSING if reason in FAILURES else STOPPED


def figures(state: SweepState, found: Importance) -> Iterator[Chart]:
    """All figures of a sweep; some may be empty so far."""
    yield best_so_far(state)
    yield learning_curves(state)
    yield parallel(state)
    yield importance_chart(found)
    yield slices(state, found)
    yield compute(state)


def best_so_far(state: SweepState) -> Chart:
    """The best level so far against the epochs that the search had taken."""
    x = [float(epochs) for epochs, _, _ in state.incumbents]
    y = [level for _, _, level in state.incumbents]
    words = [f"trial {label(state.trials[trial])}: {level:.4f}" for _, trial, level in state.incumbents]
    if x and state.epochs > x[-1]:
        x, y, words = [*x, float(state.epochs)], [*y, y[-1]], [*words, words[-1]]
    series = Series("", tuple(x), tuple(y), COLOURS[FINISHED], "steps", tuple(words), marker="o", width=2.0)
    metric = state.plan.recipe.metric
    panel = Panel("", "epochs of the search, all trials together", f"best {metric} so far", (series,))
    note = f"{metric} as the mean of a trial's last three epochs, over {len(state.trials.search)} trials of the search."
    return Chart("best_so_far", "Best so far", note, (panel,))


def learning_curves(state: SweepState) -> Chart:
    """Every trial's objective by epoch, coloured by what became of it; a cross and a reason where it was stopped."""
    known = [trial for trial in state.trials.search if trial.curve.smoothed_value is not None]
    shown = thinned(known, MOST_CURVES)
    series: list[Series] = []
    for trial in sorted(shown, key=ranking_key):
        kind = outcome(trial)
        points = downsampled(trial.curve.evaluated)
        words = [f"trial {label(trial)}, epoch {point.epoch}: {point.value:.4f}" for point in points]
        words[-1] += f"<br>{_end(trial)}<br>{short(trial.started.drawn)}"
        x, y = tuple(float(point.epoch) for point in points), tuple(point.value for point in points)
        width = 2.0 if trial.started.named else 1.0
        series.append(Series(kind, x, y, COLOURS[kind], "line", tuple(words), width=width))
        if kind in (STOPPED, CUT, LOSING):
            series.append(Series("", x[-1:], y[-1:], COLOURS[kind], "points", (words[-1],), marker="x"))
    rungs = tuple((float(rung), "rung") for rung in state.plan.rungs) if state.plan.spec.scheduler != "none" else ()
    panel = Panel("", "epoch", state.plan.recipe.metric, tuple(series), marks=rungs)
    note = f"{len(shown)} of {len(known)} trials shown: the best, and evenly some of the others."
    note = note if len(known) > len(shown) else ""
    return Chart("learning_curves", "Learning curves", note, (panel,))


def _end(trial: TrialState) -> str:
    if trial.decision is None:
        return WAITING if trial.paused else GOING
    return f"{trial.decision.reason} ({REASONS[trial.decision.reason]}): {trial.decision.detail}"


def thinned(trials: Sequence[TrialState], most: int) -> list[TrialState]:
    """At most `most` of `trials`: the best half of that number, the named ones, and evenly spread ones of the rest."""
    if len(trials) <= most:
        return list(trials)
    ranked = sorted(trials, key=lambda one: (bool(one.started.named), ranking_key(one)), reverse=True)
    rest = ranked[most // 2 :]
    step = len(rest) / (most - most // 2)
    return ranked[: most // 2] + [rest[int(index * step)] for index in range(most - most // 2)]


def downsampled(points: list[Point], most: int = MOST_EPOCHS) -> list[Point]:
    """At most `most` points of a curve, its ends included: the lowest and the highest of each of many short parts."""
    if len(points) <= most:
        return points
    length = math.ceil(2 * (len(points) - 2) / (most - 2))
    parts = (points[start : start + length] for start in range(1, len(points) - 1, length))
    extremes = ((min(part, key=_height), max(part, key=_height)) for part in parts)
    inner = {point.epoch: point for pair in extremes for point in pair}
    return [points[0], *(inner[epoch] for epoch in sorted(inner) if epoch < points[-1].epoch), points[-1]]


def _height(point: Point) -> float:
    return point.value or 0.0


def _drawn(state: SweepState) -> list[TrialState]:
    known = [trial for trial in state.trials.search if trial.started.drawn and trial.curve.smoothed_value is not None]
    return thinned(known, MOST_POINTS)


def parallel(state: SweepState) -> Chart:
    """One line a trial across its drawn settings, the epochs it got to, and its level, which colours it."""
    trials = _drawn(state)
    axes = [_axis(state, name, trials) for name in state.plan.ranges] if trials else []
    if trials:
        axes.append(Axis("epochs", tuple(float(trial.curve.epoch) for trial in trials)))
        axes.append(Axis(state.plan.recipe.metric, tuple(trial.curve.smoothed_value or 0.0 for trial in trials)))
    note = f"{len(trials)} trials whose settings were drawn, pruned ones too: read the level beside the epochs."
    return Chart("parallel", "Parallel coordinates", note, Parallel(tuple(axis for axis in axes if axis.values)))


def _axis(state: SweepState, name: str, trials: Sequence[TrialState]) -> Axis:
    asked = state.plan.ranges[name]
    values = [trial.started.drawn.get(name, math.nan) for trial in trials]
    if asked.kind == "choice":
        words = tuple(map(str, asked.choices))
        return Axis(
            name, tuple(float(words.index(str(one))) if str(one) in words else math.nan for one in values), words
        )
    return Axis(name, tuple(map(float, values)), log=asked.log)


def importance_chart(found: Importance) -> Chart:
    """Shares of PED-ANOVA, the greatest first."""
    series = Series("", tuple(found.shares), tuple(found.shares.values()), COLOURS[GOING], "bars")
    panel = Panel("", "", "share of the difference", (series,) if found.shares else ())
    note = f"PED-ANOVA over {found.trials} trials: where the best tenth lies, against all."
    note += "" if found.trials >= 50 else " So few trials tell little: a hint, no measurement."
    return Chart("importance", "Parameter importance", note, (panel,))


def slices(state: SweepState, found: Importance) -> Chart:
    """The level against each drawn setting, the most important first, coloured by what became of the trial."""
    trials = _drawn(state)
    names = sorted(state.plan.ranges, key=lambda name: -found.shares.get(name, 0.0))[:MOST_SLICES]
    panels = tuple(_slice(state, name, trials) for name in names)
    note = f"{len(trials)} trials, pruned ones with the level they had when they were stopped."
    return Chart("slices", "Slices", note, panels if trials else (), columns=4)


def _slice(state: SweepState, name: str, trials: Sequence[TrialState]) -> Panel:
    asked = state.plan.ranges[name]
    series = []
    for kind, colour in COLOURS.items():
        mine = [trial for trial in trials if outcome(trial) == kind and name in trial.started.drawn]
        if mine:
            drawn = [trial.started.drawn[name] for trial in mine]
            x = tuple(str(one) if asked.kind == "choice" else float(one) for one in drawn)
            y = tuple(trial.curve.smoothed_value for trial in mine)
            words = tuple(f"trial {label(trial)}" for trial in mine)
            series.append(Series(kind, x, y, colour, "points", words, marker="o"))
    return Panel("", name, state.plan.recipe.metric, tuple(series), log_x=asked.log)


def epochs_by_outcome(state: SweepState) -> dict[str, tuple[int, int, float]]:
    """What became of the trials: their number, their epochs and the seconds these took; confirmations on their own."""
    found = dict.fromkeys(COLOURS, (0, 0, 0.0))
    for trial in state.trials.values():
        kind = outcome(trial) if trial.started.kind == "search" else CONFIRMED
        trials, epochs, seconds = found[kind]
        found[kind] = (trials + 1, epochs + trial.curve.epoch, seconds + sum(trial.seconds))
    return {kind: numbers for kind, numbers in found.items() if numbers[0]}


def compute(state: SweepState) -> Chart:
    """How many epochs went to trials that were finished, stopped, lost or trained again."""
    found = epochs_by_outcome(state)
    series = tuple(
        Series("", (kind,), (epochs,), COLOURS[kind], "bars", (f"{trials} trials, {seconds:.0f} s",))
        for kind, (trials, epochs, seconds) in found.items()
    )
    panel = Panel("", "", "epochs", series)
    total = sum(epochs for _, epochs, _ in found.values())
    whole = len(state.trials.search) * state.plan.max_epochs
    note = f"{total} epochs in all; the search's trials trained to their end would have taken {whole}."
    return Chart("compute", "Epochs by outcome", note, (panel,))
