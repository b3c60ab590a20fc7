"""What a person sees of a sweep: the table of its trials, and the sentences about one of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from search.journal.events import Decided
from search.pruning.decision import FAILURES, STOPPED_EARLY
from search.state.cost import violation
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState

ROWS, MOST_ROWS = 24, 200
"""Trials shown, while a sweep runs and at most: the running ones, then the best, then the latest."""

_BARS = "▁▂▃▄▅▆▇█"
_STYLES = {"done": "green"} | dict.fromkeys(STOPPED_EARLY, "yellow") | dict.fromkeys(FAILURES, "red")


def sparkline(values: list[float], high: float, width: int = 15) -> str:
    """`values` as a line of blocks between 0 (or their lowest) and `high`, at most `width` long."""
    if len(values) > width:
        values = [values[round(index * (len(values) - 1) / (width - 1))] for index in range(width)]
    low = min([0.0, *values])
    span = (high - low) or 1.0
    return "".join(_BARS[min(7, max(0, int((value - low) / span * 7.999)))] for value in values)


def short(values: dict[str, Any]) -> str:
    """Drawn values on one line, three digits each."""
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def description(trial: TrialState) -> str:
    """What was drawn for a trial; what it is, where nothing was."""
    named = trial.started.named
    own = f"the named training {named}, outside the searched ranges" if named else "all settings are pinned"
    return short(trial.started.drawn) or own


def label(trial: TrialState) -> str:
    """A trial's number with what it is: "7", "0 fixed", "13 confirms 7"."""
    started = trial.started
    if started.kind != "search":
        return f"{started.trial} {started.kind}s {started.of}"
    return f"{started.trial} {started.named}".strip()


def plural(count: int, what: str) -> str:
    """`count` things: "1 epoch", "2 epochs"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def number(value: float | None) -> str:
    """A metric's value, or a dash."""
    return "–" if value is None else f"{value:.4f}"


def _shown(state: SweepState, rows: int) -> list[TrialState]:
    trials = list(state.trials.values())
    if len(trials) <= rows:
        return trials
    first = [*state.trials.running.values(), *state.trials.ranking[: rows // 2], *reversed(trials)]
    numbers = dict.fromkeys(trial.started.trial for trial in first)  # each once
    return [state.trials[number] for number in sorted(list(numbers)[:rows])]


def status_line(state: SweepState, name: str, standing: str) -> str:
    """A sweep among others: what it took so far, how it stands ("ended", "running"), its best."""
    epochs = plural(sum(trial.curve.epoch for trial in state.trials.values()), "epoch")
    said = f"{name}: {state.plan.recipe.name}, {plural(len(state.trials), 'trial')}, {epochs}, {standing}"
    best = state.trials.ranking[:1]
    if state.ended is not None and state.ended.trial >= 0:
        return f"{said}: {state.ended.detail}, trial {label(state.trials[state.ended.trial])}"
    metric = state.plan.recipe.metric
    return said + "".join(
        f"; best so far {metric} {number(one.curve.smoothed_value)}, trial {label(one)}" for one in best
    )


def status_table(state: SweepState, title: str, rows: int = ROWS) -> RenderableType:
    """The sweep as a table, one line a trial, at most `rows` of them; readable at 80 columns."""
    metric = state.plan.recipe.metric
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1), pad_edge=False, expand=True)
    shown = _shown(state, rows)
    leader = state.trials.ranking[:1]
    names = [label(trial) + (" *" if trial in leader else "") for trial in shown]
    for name, width, right in (
        ("trial", max(map(len, [*names, "trial"])), False),
        ("epochs", max(len("epochs"), len(f"{state.plan.max_epochs}/{state.plan.max_epochs}")), True),
        (metric, max(7, len(metric)), True),
        ("curve", max(5, min(15, state.plan.max_epochs)), False),
    ):
        table.add_column(name, no_wrap=True, width=width, justify="right" if right else "left")
    table.add_column("state", no_wrap=True, overflow="ellipsis", ratio=1)
    curves = [[point.value or 0.0 for point in trial.curve.evaluated] for trial in shown]
    high = max((value for curve in curves for value in curve), default=1.0)
    for trial, name, values in zip(shown, names, curves, strict=True):
        curve = sparkline(values, high)
        table.add_row(
            name,
            f"{trial.curve.epoch}/{state.plan.max_epochs}",
            number(trial.curve.smoothed_value),
            curve,
            _state(trial, violation(trial, state.plan.spec.limits)),
        )
    return Group(table, Text(_footer(state, len(state.trials) - len(shown)), style="dim"))


def _state(trial: TrialState, excess: float) -> Text:
    if trial.paused:
        return Text(f"waits at {_place(trial.decisions[-1])}", style="yellow")
    if trial.decision is None:
        phase = "running" if trial.curve.epoch else "starting"
        return Text(f"{phase}  {short(trial.started.drawn)}", style="cyan")
    reason = trial.decision.reason
    if reason == "done":
        words = f"done, over the limits by {excess:.0%}" if excess else "done"
    elif reason == "rung":
        words = _place(trial.decision)
    else:
        words = f"{reason}: {trial.decision.detail}"
    return Text(words, style=_STYLES[reason])


def _place(decided: Decided) -> str:
    numbers = decided.numbers
    return f"rung {numbers['rung']:.0f}: {numbers['rank']:.0f} of {numbers['peers']:.0f}"


def _footer(state: SweepState, hidden: int) -> str:
    spec = state.plan.spec
    reasons = Counter(trial.decision.reason for trial in state.trials.values() if trial.decision)
    parts = [f"search {len(state.trials.search)}/{spec.trials} trials, {plural(state.epochs, 'epoch')}"]
    parts += [f"{len(state.prior_trials)} recalled"] if state.prior_trials else []
    parts += ["the search has ended itself"] if state.search_ended else []
    parts += [f"{len(state.trials.paused)} waiting"] if state.trials.paused else []
    parts += [f"{count} {reason}" for reason, count in reasons.most_common()]
    parts += [f"{hidden} not shown"] if hidden else []
    parts += ["* best so far"] if state.trials.ranking else []
    return " · ".join(parts)
