"""The figures of a sweep, as pure functions of its state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from search.pruning.curve import Point
from search.pruning.decision import FAILURES, REASONS
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.charts.chart import MARKED, Axis, Chart, Panel, Parallel, Series
from search.views.status_table import best_so_far as best_trial
from search.views.status_table import label, meaning, short
from search.views.trial_order import ranking_key, thinned
from trainables.metric_text import metric_text

if TYPE_CHECKING:
    from search.views.importance import Importance  # it imports Optuna, which takes a second

MOST_CURVES = 300
"""Learning curves in one figure: more cannot be told apart in 800 pixels, and slow a browser down."""
MOST_EPOCHS = 400
"""Points of one curve: the lowest and the highest of each of 200 parts, so that no peak is lost."""
MOST_POINTS = 1000
"""Trials in a slice or in parallel coordinates."""
MOST_SLICES = 12
MOST_AXES = 6
"""Settings in the parallel coordinates of a report: the names of more overprint each other."""

FINISHED, RUNNING, PAUSED, STOPPED, OUT_OF_BUDGET, FAILED, RETRAINED = (
    "trained to its end",
    "running",
    "paused at a rung",
    "stopped early",
    "ended by the budget",
    "failed",
    "confirmation or audit",
)
COLOURS = {
    FINISHED: "#2ca02c",
    RUNNING: "#1f77b4",
    PAUSED: "#bcbd22",
    STOPPED: "#ff7f0e",
    OUT_OF_BUDGET: "#7f7f7f",
    FAILED: "#d62728",
    RETRAINED: "#9467bd",
}
"""By the outcome of a trial; of matplotlib's ten colours."""


def outcome(trial: TrialState) -> str:
    """The outcome of a search trial, a key of `COLOURS`; legends show it."""
    if trial.decision is None:
        return PAUSED if trial.paused else RUNNING
    reason = trial.decision.reason
    if reason == "budget":
        return OUT_OF_BUDGET
    return FINISHED if reason == "done" else FAILED if reason in FAILURES else STOPPED


def figures(state: SweepState, importance: Importance) -> Iterator[Chart]:
    """All figures of a sweep; some may be empty so far."""
    yield best_so_far(state)
    yield learning_curves(state)
    yield parallel(state, importance)
    yield importance_chart(importance)
    yield slices(state, importance)
    yield compute(state)


def marked(state: SweepState) -> tuple[TrialState, str] | None:
    """The trial that stands out in every figure, with what it is: the winner, or the best so far."""
    if state.ended is not None:
        winner = state.trials.get(state.ended.trial)
        return None if winner is None else (winner, f"winner: trial {label(winner)}")
    best = best_trial(state)
    return None if best is None else (best, f"best so far: trial {label(best)}")


def best_so_far(state: SweepState) -> Chart:
    """The best objective so far against the epochs that the search has used."""
    numbers = [trial for _, trial, _ in state.incumbents]
    x = [float(epochs) for epochs, _, _ in state.incumbents]
    y = [value for _, _, value in state.incumbents]
    hover = [f"trial {label(state.trials[trial])}: {metric_text(value)}" for _, trial, value in state.incumbents]
    if x and state.epochs > x[-1]:  # the line continues to the last epoch
        x, y, hover, numbers = [*x, float(state.epochs)], [*y, y[-1]], [*hover, hover[-1]], [*numbers, numbers[-1]]
    line = Series(
        "", tuple(x), tuple(y), COLOURS[FINISHED], "steps", tuple(hover), marker="o", width=2.0, trials=tuple(numbers)
    )
    series = [line]
    if best := marked(state):
        rises = [(x[at], y[at], hover[at]) for at, number in enumerate(numbers) if number == best[0].number]
        if rises:
            at_x, at_y, texts = zip(*rises, strict=True)
            series.append(Series(best[1], at_x, at_y, MARKED, "points", texts, marker="o"))
    metric = state.plan.recipe.metric
    panel = Panel("", "epochs of the search, all trials together", f"best {metric} so far", tuple(series))
    note = f"{metric}: {meaning(state)}. {len(state.trials.search)} trials of the search."
    return Chart("best_so_far", "Best so far", note, (panel,))


def learning_curves(state: SweepState) -> Chart:
    """Every trial's metric by epoch, coloured by its outcome; a cross with the reason where it was stopped."""
    evaluated = [trial for trial in state.trials.search if trial.curve.objective_value is not None]
    selected = thinned(evaluated, MOST_CURVES)
    series: list[Series] = []
    best, marks = marked(state), list[Series]()
    for trial in sorted(selected, key=ranking_key):  # the best on top
        kind = outcome(trial)
        points = downsampled(trial.curve.evaluated)
        hover = [f"trial {label(trial)}, epoch {point.epoch}: {metric_text(point.value)}" for point in points]
        hover[-1] += f"\n{_last_decision(trial)}\n{short(trial.started.drawn)}"
        x, y = tuple(float(point.epoch) for point in points), tuple(point.value for point in points)
        width = 2.0 if trial.started.named else 1.0
        numbers = (trial.number,) * len(x)
        series.append(Series(kind, x, y, COLOURS[kind], "line", tuple(hover), width=width, trials=numbers))
        if kind in (STOPPED, OUT_OF_BUDGET, FAILED):
            cross = Series("", x[-1:], y[-1:], COLOURS[kind], "points", (hover[-1],), marker="x", trials=numbers[-1:])
            series.append(cross)
        if best and trial is best[0]:
            outline = replace(series[-1 if series[-1].kind == "line" else -2], name=best[1], colour=MARKED, width=3.0)
            marks.append(outline)
    rungs = tuple((float(rung), "rung") for rung in state.plan.all_rungs)
    panel = Panel("", "epoch", state.plan.recipe.metric, (*series, *marks), marks=rungs)
    note = ""
    if len(evaluated) > len(selected):
        note = f"{len(selected)} of {len(evaluated)} trials: the best, and an even selection of the others."
    return Chart("learning_curves", "Learning curves", note, (panel,))


def _last_decision(trial: TrialState) -> str:
    if trial.decision is None:
        return PAUSED if trial.paused else RUNNING
    return f"{trial.decision.reason} ({REASONS[trial.decision.reason]}): {trial.decision.detail}"


def downsampled(points: list[Point]) -> list[Point]:
    """At most `MOST_EPOCHS` points of a curve: its ends, and the lowest and the highest of each of many short parts."""
    if len(points) <= MOST_EPOCHS:
        return points
    length = math.ceil(2 * (len(points) - 2) / (MOST_EPOCHS - 2))
    parts = (points[start : start + length] for start in range(1, len(points) - 1, length))
    extremes = ((min(part, key=_height), max(part, key=_height)) for part in parts)
    inner = {point.epoch: point for pair in extremes for point in pair}
    return [points[0], *(inner[epoch] for epoch in sorted(inner) if epoch < points[-1].epoch), points[-1]]


def _height(point: Point) -> float:
    return point.value or 0.0


def _with_drawn_settings(state: SweepState) -> list[TrialState]:
    trials = [trial for trial in state.trials.search if trial.started.drawn and trial.curve.objective_value is not None]
    return thinned(trials, MOST_POINTS)


def parallel(state: SweepState, importance: Importance | None = None) -> Chart:
    """One line per trial across its most important settings, its epochs, and its objective, which gives the colour.

    Without an `importance` across all drawn settings.
    """
    trials, names = _with_drawn_settings(state), list(state.plan.ranges)
    if importance is not None:
        names = _by_importance(state, importance)[:MOST_AXES]
    axes = [_axis(state, name, trials) for name in names] if trials else []
    if trials:
        axes.append(Axis("epochs", tuple(float(trial.curve.epoch) for trial in trials)))
        axes.append(Axis(state.plan.recipe.metric, tuple(trial.curve.objective_value or 0.0 for trial in trials)))
    note = f"{len(trials)} trials with drawn settings, also stopped ones: compare values at the same number of epochs."
    if len(names) < len(state.plan.ranges):
        note += f" The {len(names)} most important settings of {len(state.plan.ranges)}."
    best = marked(state)
    drawn = tuple(axis for axis in axes if axis.values)
    body = Parallel(drawn, tuple(trial.number for trial in trials), best[0].number if best else None)
    return Chart("parallel", "Parallel coordinates", note, body)


def _by_importance(state: SweepState, importance: Importance) -> list[str]:
    return sorted(state.plan.ranges, key=lambda name: -importance.shares.get(name, 0.0))


def _axis(state: SweepState, name: str, trials: Sequence[TrialState]) -> Axis:
    searched = state.plan.ranges[name]
    values = [trial.started.drawn.get(name, math.nan) for trial in trials]
    if searched.kind == "choice":
        choices = tuple(map(str, searched.choices))
        indexes = (float(choices.index(str(value))) if str(value) in choices else math.nan for value in values)
        return Axis(name, tuple(indexes), choices)
    return Axis(name, tuple(map(float, values)), log=searched.log)


def importance_chart(importance: Importance) -> Chart:
    """The importance of each setting, the greatest first."""
    shares = importance.shares
    series = Series("", tuple(shares), tuple(shares.values()), COLOURS[RUNNING], "bars")
    panel = Panel("", "", "importance (shares of 1)", (series,) if shares else ())
    note = f"PED-ANOVA over {importance.trials} trials: how the settings of the best tenth differ from all."
    note += "" if importance.trials >= 50 else " From so few trials it is only a hint."
    return Chart("importance", "Parameter importance", note, (panel,))


def slices(state: SweepState, importance: Importance) -> Chart:
    """The objective against each drawn setting, the most important first, coloured by outcome."""
    trials = _with_drawn_settings(state)
    names = _by_importance(state, importance)[:MOST_SLICES]
    panels = tuple(_slice(state, name, trials) for name in names)
    note = f"{len(trials)} trials; those stopped early have the value that they had reached."
    return Chart("slices", f"{state.plan.recipe.metric} by setting", note, panels if trials else (), columns=4)


def _slice(state: SweepState, name: str, trials: Sequence[TrialState]) -> Panel:
    searched = state.plan.ranges[name]
    series = []
    for kind, colour in COLOURS.items():
        of_kind = [trial for trial in trials if outcome(trial) == kind and name in trial.started.drawn]
        if of_kind:
            drawn = [trial.started.drawn[name] for trial in of_kind]
            x = tuple(str(value) if searched.kind == "choice" else float(value) for value in drawn)
            y = tuple(trial.curve.objective_value for trial in of_kind)
            hover = tuple(f"trial {label(trial)}" for trial in of_kind)
            numbers = tuple(trial.number for trial in of_kind)
            series.append(Series(kind, x, y, colour, "points", hover, marker="o", trials=numbers))
    if (best := marked(state)) and name in best[0].started.drawn:
        trial, mark = best
        value = trial.started.drawn[name]
        at = str(value) if searched.kind == "choice" else float(value)
        series.append(Series(mark, (at,), (trial.curve.objective_value,), MARKED, "points", (mark,), marker="o"))
    return Panel("", name, state.plan.recipe.metric, tuple(series), log_x=searched.log)


def epochs_by_outcome(state: SweepState) -> dict[str, tuple[int, int, float]]:
    """By outcome: number of trials, their epochs and the seconds these took; confirmations and audits are one."""
    totals = dict.fromkeys(COLOURS, (0, 0, 0.0))
    for trial in state.trials.values():
        kind = outcome(trial) if trial.is_search else RETRAINED
        trials, epochs, seconds = totals[kind]
        totals[kind] = (trials + 1, epochs + trial.curve.epoch, seconds + sum(trial.seconds))
    return {kind: numbers for kind, numbers in totals.items() if numbers[0]}


def compute(state: SweepState) -> Chart:
    """How many epochs each outcome took."""
    totals = epochs_by_outcome(state)
    series = tuple(
        Series("", (kind,), (epochs,), COLOURS[kind], "bars", (f"{trials} trials, {seconds:.0f} s",))
        for kind, (trials, epochs, seconds) in totals.items()
    )
    panel = Panel("", "", "epochs", series)
    total = sum(epochs for _, epochs, _ in totals.values())
    without_stops = len(state.trials.search) * state.plan.max_epochs
    note = f"{total} epochs in all; had each trial of the search trained to its end, it alone would be {without_stops}."
    return Chart("compute", "Epochs by outcome", note, (panel,))
