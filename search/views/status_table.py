"""The table of a sweep's trials, its line in a list of sweeps, and the names and descriptions of trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from search.journal.events import BY_HAND, Decided, Requested
from search.pruning.decision import FAILURES, STOPPED_EARLY, Reason
from search.pruning.objective import WINDOW, ObjectiveName
from search.state.cost import violation
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from trainables.metric_text import metric_text

ROWS, MOST_ROWS = 24, 200
"""Trials in the table: in a live one, which must fit on a terminal, and in any other."""

WIDE = 110
"""A terminal of this many columns has room for each trial's settings and a longer curve."""

LONGEST_RUNG = len("stopped at rung 99: rank 99 of 99")
"""Width of the column of states: the longest state that most trials end in."""

_BARS = "▁▂▃▄▅▆▇█"
_STYLES = {"done": "green"} | dict.fromkeys(STOPPED_EARLY, "yellow") | dict.fromkeys(FAILURES, "red")


def sparkline(values: list[float], high: float, width: int = 15) -> str:
    """`values` as a line of bars of height 0 (or the lowest, if negative) to `high`, at most `width` characters."""
    if len(values) > width:
        values = [values[round(index * (len(values) - 1) / (width - 1))] for index in range(width)]
    low = min([0.0, *values])
    span = (high - low) or 1.0
    # 7.999, not 8: the highest value belongs to the last bar
    return "".join(_BARS[min(7, max(0, int((value - low) / span * 7.999)))] for value in values)


def short(values: dict[str, Any]) -> str:
    """Settings on one line, numbers with three digits."""
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def description(trial: TrialState) -> str:
    """The settings that were drawn for a trial; if none were, why."""
    if trial.started.drawn:
        return short(trial.started.drawn)
    named = trial.started.named
    if named == BY_HAND:
        return "its values were given by hand, outside the searched ranges"
    return f"the named training {named}, outside the searched ranges" if named else "all settings are pinned"


def label(trial: TrialState) -> str:
    """A trial's number with what it is: "7", "0 fixed", "13 confirms 7"."""
    if not trial.is_search:
        return f"{trial.number} {trial.started.kind}s {trial.started.of}"
    return f"{trial.number} {trial.started.named}".strip()


def happened(decision: Decided, before: Decided | None) -> str:
    """What a decision did, as a verb in the past: "was promoted", "was stopped".

    Args:
        decision: about a trial.
        before: the decision about the same trial before it: only a paused trial is promoted, another one continues.
    """
    if decision.reason == "done":
        return "ended"
    continued = "was promoted" if before is not None and before.action == "pause" else "continued"
    return {"stop": "was stopped", "pause": "was paused", "continue": continued}[decision.action]


def request_line(request: Requested) -> str:
    """What a user asked for by hand, and the answer: "stop trial 3: accepted"."""
    subject = "the sweep" if request.trial is None else f"trial {request.trial}"
    action = f"add {short(request.values)}" if request.verb == "add" else f"{request.verb} {subject}"
    return f"by hand: {action}: {request.answer}" + (f" ({request.detail})" if request.detail else "")


def plural(count: int, noun: str) -> str:
    """`count` things: "1 epoch", "2 epochs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


MEANINGS: dict[ObjectiveName, str] = {
    "best_mean": f"best mean of {WINDOW} epochs",
    "best": "best epoch",
    "last": f"mean of the last {WINDOW} epochs",
}
"""What the number is that trials are ranked by, in a few words."""


WORTH_SAYING = 0.05
"""Share of the trainings' time in which they waited for data."""


def waited(state: SweepState) -> str:
    """What follows "trained 97% of the time" if the trainings waited long for data; else ""."""
    return f", {state.data_share:.0%} of it waiting for data" if state.data_share >= WORTH_SAYING else ""


def meaning(state: SweepState) -> str:
    """What the number is that the sweep's trials are ranked by."""
    return MEANINGS[state.plan.spec.objective]


def winner_stopped(winner: TrialState) -> Iterator[str]:
    """If the winner of the search was stopped early: that it was, and where its result comes from."""
    reached, decision = winner.curve.reached, winner.decision
    if decision is not None and reached is not None and not winner.finished:
        yield (
            f"In the search it was stopped after epoch {winner.curve.epoch} ({decision.reason}): it is ranked by its "
            f"epochs up to {reached.last}, and the best checkpoint of these is of epoch {reached.epoch}."
        )


def status_line(state: SweepState, name: str, condition: str) -> str:
    """One line about a sweep in a list: its size, its `condition` ("ended", "running", …), its best trial."""
    epochs = plural(sum(trial.curve.epoch for trial in state.trials.values()), "epoch")
    line = f"{name}: {state.plan.recipe.name}, {plural(len(state.trials), 'trial')}, {epochs}, {condition}"
    if state.ended is not None and state.ended.trial >= 0:
        return f"{line}: {state.ended.detail}, trial {label(state.trials[state.ended.trial])}"
    if not state.trials.ranking:
        return line
    best = state.trials.ranking[0]
    value = f"{state.plan.recipe.metric} {metric_text(best.curve.objective_value)}"
    return f"{line}; best so far {value}, trial {label(best)}"


def best_so_far(state: SweepState) -> TrialState | None:
    """The trial with the best objective, of those that have a result, run or are paused; None before any value."""
    candidates = [*state.trials.ranking[:1], *state.trials.running.values(), *state.trials.paused.values()]
    with_value = [trial for trial in candidates if trial.is_search and trial.curve.objective_value is not None]
    return max(with_value, key=lambda trial: trial.curve.oriented(trial.curve.objective_value or 0.0), default=None)


def status_table(
    state: SweepState, title: str, rows: int = ROWS, width: int = 80, *, interrupted: bool = False
) -> RenderableType:
    """The sweep as a table, one line per trial.

    Args:
        state: the sweep.
        title: above the table; "" for none.
        rows: at most that many trials.
        width: of the terminal; the table is readable at 80 columns, and has the settings of each trial from `WIDE` on.
        interrupted: whether the sweep is interrupted, so that nothing trains now. Its state does not hold that.
    """
    metric, max_epochs, wide = state.plan.recipe.metric, state.plan.max_epochs, width >= WIDE
    table = Table(title=title or None, title_justify="left", box=None, padding=(0, 1), pad_edge=False, expand=True)
    trials = _selected(state, rows)
    best = best_so_far(state)
    names = [label(trial) + (" *" if trial is best else "") for trial in trials]
    # Fixed widths: a live table must not jump, and only the last columns give way on a narrow terminal.
    curve_width = max(5, min(30 if wide else 15, max_epochs))
    for name, columns, right in (
        ("trial", max(map(len, [*names, "trial"])), False),
        ("epochs", max(len("epochs"), len(f"{max_epochs}/{max_epochs}")), True),
        (metric, max(7, len(metric)), True),
        ("curve", curve_width, False),
    ):
        table.add_column(name, no_wrap=True, width=columns, justify="right" if right else "left")
    if wide:
        table.add_column("state", no_wrap=True, overflow="ellipsis", width=max(LONGEST_RUNG, width // 4))
        table.add_column("settings", no_wrap=True, overflow="ellipsis", ratio=1, style="dim")
    else:
        table.add_column("state", no_wrap=True, overflow="ellipsis", ratio=1)
    curves = [[point.value or 0.0 for point in trial.curve.evaluated] for trial in trials]
    high = max((value for curve in curves for value in curve), default=1.0)
    for trial, name, values in zip(trials, names, curves, strict=True):
        table.add_row(
            name,
            f"{trial.curve.epoch}/{max_epochs}",
            metric_text(trial.curve.objective_value),
            sparkline(values, high, curve_width),
            _trial_status(trial, violation(trial, state.plan.spec.limits), interrupted, with_settings=not wide),
            *([description(trial)] if wide else []),
        )
    return Group(table, Text(_footer(state, len(state.trials) - len(trials)), style="dim"))


def _selected(state: SweepState, rows: int) -> list[TrialState]:
    """The trials in the table: those running, then the best, then the latest, as far as there are rows."""
    trials = list(state.trials.values())
    if len(trials) <= rows:
        return trials
    preferred = [*state.trials.running.values(), *state.trials.ranking[: rows // 2], *reversed(trials)]
    numbers = dict.fromkeys(trial.number for trial in preferred)  # each once, in order
    return [state.trials[number] for number in sorted(list(numbers)[:rows])]


def _trial_status(trial: TrialState, excess: float, interrupted: bool, *, with_settings: bool) -> Text:
    """The column of states; `excess` is by how much the trial violates the user's limits, as a share of them."""
    if trial.paused:
        return Text(f"paused at {_rank(trial.decisions[-1])}", style="yellow")
    if trial.decision is None:
        phase = "interrupted" if interrupted else "running" if trial.curve.epoch else "starting"
        text = f"{phase}  {short(trial.started.drawn)}" if with_settings else phase
        return Text(text, style="yellow" if interrupted else "cyan")
    reason = trial.decision.reason
    if reason == "done":
        text = f"done, over the limits by {excess:.0%}" if excess else "done"
    elif reason == "rung":
        text = f"stopped at {_rank(trial.decision)}"
    elif reason == "by_hand":
        text = trial.decision.detail
    else:
        text = f"{reason}: {trial.decision.detail}"
    return Text(text, style=_STYLES[reason])


def _rank(decision: Decided) -> str:
    numbers = decision.numbers
    return f"rung {numbers['rung']:.0f}: rank {numbers['rank']:.0f} of {numbers['peers']:.0f}"


COUNTED: Mapping[Reason, str] = {
    "rung": "stopped at a rung",
    "over_limit": "over the limits",
    "budget": "ended by the budget",
    "by_hand": "stopped by hand",
}
"""Reasons that read differently after a number of trials."""


def _footer(state: SweepState, hidden: int) -> str:
    reasons = Counter(trial.decision.reason for trial in state.trials.values() if trial.decision)
    searched = f"search {len(state.trials.search)}/{state.trial_budget} trials, {plural(state.epochs, 'epoch')}"
    parts = {
        searched: True,
        f"{len(state.prior_trials)} from earlier sweeps": bool(state.prior_trials),
        "the search ended early": state.search_ended is not None,
        f"{len(state.trials.paused)} paused": bool(state.trials.paused),
        **{f"{count} {COUNTED.get(reason, reason)}": True for reason, count in reasons.most_common()},
        f"{hidden} not shown": hidden > 0,
        "* best so far": best_so_far(state) is not None,
    }
    return " · ".join(part for part, applies in parts.items() if applies)
