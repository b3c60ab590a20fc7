"""A sweep on a terminal while it runs: how far it is, its best so far, what runs now, and the table of its trials."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.pace import Pace, clock, pace
from search.views.status_table import ROWS, best_so_far, label, status_table
from trainables.metric_text import metric_text

OTHER_LINES = 6
"""Lines of the clock, between head and table, of the table that are no trials, two of them below it where it is narrow,
and of the cursor: with them a live view fits on its terminal."""


def live_view(state: SweepState, title: str, console: Console, interrupted: bool = False) -> RenderableType:
    """The sweep as its terminal shows it now; its clock goes on between events, unless it is `interrupted`."""
    head = [Text(title, style="bold"), *map(Text, head_lines(state, interrupted))]
    head_height = sum(len(line.wrap(console, console.width)) for line in head)
    rows = max(3, min(ROWS, console.height - head_height - OTHER_LINES))
    table = status_table(state, "", rows, console.width, interrupted=interrupted)
    clock_line = _Clock(pace(state), None if interrupted else time.monotonic())
    return Group(head[0], clock_line, *head[1:], Text(""), table)


def head_lines(state: SweepState, interrupted: bool = False) -> Iterator[str]:
    """How far the sweep is, its best against the baseline, and what runs now."""
    speed = pace(state)
    rates = f"{speed.epochs_an_hour:,.0f} epochs and {speed.trials_an_hour:,.0f} trials an hour"
    yield f"{stage(state)} · {rates}" if speed.remaining is not None else stage(state)
    yield best_line(state)
    running = state.trials.running.values()
    names = [f"{label(trial)} ({trial.curve.epoch}/{state.plan.max_epochs})" for trial in running]
    yield f"{'interrupted' if interrupted else 'now training'}: {', '.join(names) or 'nothing'}"


def stage(state: SweepState) -> str:
    """Whether it searches, confirms or audits, and how far it is with that."""
    kinds = {trial.started.kind for trial in state.trials.running.values()}
    if "confirm" in kinds and "search" not in kinds:
        count = sum(trial.started.kind == "confirm" for trial in state.trials.values())
        return f"confirmation: training {count} on fresh seeds"
    if kinds == {"audit"}:
        return "audit of stopped trials"
    return f"search: trial {len(state.trials.search)} of {state.trial_budget}"


def best_line(state: SweepState) -> str:
    """The best trial so far against the baseline."""
    best, metric = best_so_far(state), state.plan.recipe.metric
    if best is None:
        return f"best so far: no {metric} yet"
    value = best.curve.objective_value
    line = f"best so far: {metric} {metric_text(value)} (trial {label(best)})"
    baseline = next((trial for trial in state.trials.search if trial.is_baseline and trial.curve.epoch), None)
    if baseline is None or baseline.curve.objective_value is None or value is None:
        return line
    if baseline is best:
        return f"{line}, the baseline"
    level = baseline.curve.objective_value
    gain = metric_text(best.curve.oriented(value - level), value, level, sign=True)
    return f"{line}, {gain} against the baseline{_unfinished(baseline)}"


def _unfinished(trial: TrialState) -> str:
    return f" after {trial.curve.epoch} epochs" if trial.running else ""


@dataclass(frozen=True)
class _Clock:
    """A bar with the time so far and the time left. Both are computed each time it is drawn."""

    pace: Pace
    taken: float | None  # when, by the monotonic clock; None if it stands still

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        since = 0.0 if self.taken is None else time.monotonic() - self.taken
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(no_wrap=True)
        times = f"{self.pace.share:.0%}  {clock(self.pace.elapsed + since)} so far"
        if self.pace.remaining is not None:
            times += f", about {clock(max(0.0, self.pace.remaining - since))} left"
        grid.add_row(ProgressBar(total=1.0, completed=self.pace.share), times)
        yield grid


def progress_line(state: SweepState) -> str:
    """The same on one line, for a log."""
    speed = pace(state)
    remaining = "" if speed.remaining is None else f", about {clock(speed.remaining)} left"
    return f"progress: {clock(speed.elapsed)} so far{remaining}; {stage(state)}; {best_line(state)}"
