"""Several sweeps on one page: one chart on one scale, and their settings side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from search.state.sweep_state import SweepState
from search.sweep.uri import located
from search.views.charts import script as chart_script
from search.views.charts.chart import PALETTE, Chart, Panel, Series, Table
from search.views.figures import OUT_OF_BUDGET, STOPPED, best_so_far, marked, outcome
from search.views.html_page import html_table, page
from search.views.html_report import html_chart
from search.views.status_table import label, meaning
from search.views.tables import hours, outcome_table, setting
from trainables.metric_text import mean_and_std_text, metric_text


def comparison_page(states: Mapping[str, SweepState]) -> str:
    """The comparison of sweeps, by name."""
    parts = [html_table(comparison(states))]
    chart = curves(states)
    parts += [html_chart(chart)] if not chart.empty else []
    parts.append(html_table(settings(states)))
    for name, state in states.items():
        table = outcome_table(state)
        parts.append(html_table(replace(table, title=f"{name}: {table.title.lower()}")))
    return page(f"Comparison: {', '.join(states)}", parts, chart_script.script())


def curves(states: Mapping[str, SweepState]) -> Chart:
    """The best so far of each sweep, in one panel for each metric, so that equal metrics have one scale."""
    panels: dict[str, list[Series]] = {}
    for index, (name, state) in enumerate(states.items()):
        (panel,) = body if isinstance(body := best_so_far(state).body, tuple) else ()
        line = panel.series[0]
        if line.x:
            drawn = replace(line, name=name, colour=PALETTE[index % len(PALETTE)], trials=())
            panels.setdefault(state.plan.recipe.metric, []).append(drawn)
    body_panels = tuple(
        Panel("", "epochs of the search, all trials together", f"best {metric} so far", tuple(series))
        for metric, series in panels.items()
    )
    first = next(iter(states.values()))
    return Chart("compared", "Best so far", f"Each trial counts by its {meaning(first)}.", body_panels)


def settings(states: Mapping[str, SweepState]) -> Table:
    """The settings of each sweep's winner, or best so far; those first in which they differ."""
    bests = {name: best[0].started.settings if (best := marked(state)) else {} for name, state in states.items()}
    names = dict.fromkeys(name for values in bests.values() for name in values if name != "seed")
    rows = [(name, *(setting(values.get(name)) for values in bests.values())) for name in names]
    rows.sort(key=lambda row: len(set(row[1:])) == 1)
    return Table("Settings of the winners", ("setting", *states), tuple(rows), "Those in which they differ come first.")


def comparison(states: Mapping[str, SweepState]) -> Table:
    """One column per sweep: its settings, its cost, its result."""
    columns = [_column(state) for state in states.values()]
    rows = tuple((row, *(column[row] for column in columns)) for row in columns[0])
    return Table("Side by side", ("sweep", *states), rows, _caution(states.values()))


def _column(state: SweepState) -> dict[str, str]:
    spec, ended, metric = state.plan.spec, state.ended, state.plan.recipe.metric
    best, best_trial = "–", "–"
    if ended is not None and ended.trial >= 0:
        best = metric_text(ended.numbers["mean"])
        if ended.numbers.get("seeds", 1.0) > 1:
            best = mean_and_std_text(ended.numbers["mean"], ended.numbers["std"])
        best_trial = label(state.trials[ended.trial])
    elif ended is not None:
        best = "no winner"
    elif state.incumbents:
        _, number, value = state.incumbents[-1]
        best, best_trial = f"{metric_text(value)} so far", label(state.trials[number])
    return {
        "recipe": spec.recipe,
        "preset": spec.preset,
        "data": spec.data,
        "state": "open" if ended is None else "ended",
        "metric": metric,
        "best": best,
        "best trial": best_trial,
        "trials": str(len(state.trials.search)),
        "epochs": str(sum(trial.curve.epoch for trial in state.trials.values())),
        "worker hours": hours(sum(sum(trial.seconds) for trial in state.trials.values())),
        "stopped early": str(sum(outcome(trial) in (STOPPED, OUT_OF_BUDGET) for trial in state.trials.search)),
        "failed": str(sum(trial.failed for trial in state.trials.search)),
        "searched by": "freeze_thaw" if spec.scheduler == "freeze_thaw" else f"{spec.sampler}, {spec.scheduler}",
    }


def _caution(states: Iterable[SweepState]) -> str:
    """A warning if the sweeps' values cannot be compared; "" if they can."""
    compared = [
        {
            "recipe": state.plan.spec.recipe,
            "data": located(state.plan.spec.data),
            "preset": state.plan.spec.preset,
            "metric": state.plan.recipe.metric,
            "objective": state.plan.spec.objective,
        }
        for state in states
    ]
    differing = [field for field in compared[0] if len({values[field] for values in compared}) > 1]
    return f"They differ in {' and '.join(differing)}: their best values are not comparable." if differing else ""
