"""HTML pages that need neither network nor MLflow: the report of a sweep, the comparison of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from search.state.sweep_state import SweepState
from search.sweep.data_look import DataLook
from search.views.charts import html as chart_html
from search.views.charts.chart import Chart, Table
from search.views.data_look import html_picture
from search.views.data_look import tables as look_tables
from search.views.figures import best_so_far, figures
from search.views.html_page import html_table, page, sentences
from search.views.html_text import escape
from search.views.importance import importance
from search.views.markdown import headline
from search.views.status_table import label, number
from search.views.tables import hours, outcome_table, stop_table, tables


def sweep_page(state: SweepState, name: str, data_look: DataLook | None = None, models: str = "") -> str:
    """The report of one sweep: its result, all figures and tables, what its models do, and what was seen of its data.

    Args:
        state: of the sweep.
        name: of the sweep.
        data_look: what was seen of its data.
        models: HTML on winner and baseline, see `search.views.model_process`.
    """
    importances = importance(state)
    parts = [sentences(headline(state))]
    parts += [_chart(chart) for chart in figures(state, importances) if not chart.empty]
    parts += [html_table(table) for table in tables(state, importances) if table.rows]
    parts += [html_table(stop_table(state, 100))]
    if models:
        parts += ["<h1>Winner and baseline on held-out data</h1>", models]
    if data_look:
        parts += [
            sentences(iter(data_look.look.warnings)),
            *map(html_table, look_tables(data_look)),
            html_picture(data_look),
        ]
    return page(f"Sweep {name}", parts, chart_html.script())


def comparison_page(states: Mapping[str, SweepState]) -> str:
    """The comparison of sweeps, by name."""
    parts = [html_table(comparison(states))]
    curves = [best_so_far(state) for state in states.values()]
    parts += [_chart(_renamed(chart, name)) for name, chart in zip(states, curves, strict=True) if not chart.empty]
    for name, state in states.items():
        parts += [html_table(Table(f"{name}: epochs by outcome", *_content(outcome_table(state))))]
    return page(f"Comparison: {', '.join(states)}", parts, chart_html.script())


def comparison(states: Mapping[str, SweepState]) -> Table:
    """One column per sweep: its settings, its cost, its result."""
    columns = [_column(state) for state in states.values()]
    rows = tuple((row, *(column[row] for column in columns)) for row in columns[0])
    return Table("Side by side", ("sweep", *states), rows, _caution(states.values()))


def _column(state: SweepState) -> dict[str, str]:
    spec, ended, metric = state.plan.spec, state.ended, state.plan.recipe.metric
    best, best_trial = "–", "–"
    if ended is not None and ended.trial >= 0:
        best = f"{ended.numbers['mean']:.4f}"
        if ended.numbers.get("seeds", 1.0) > 1:
            best += f" ± {ended.numbers['std']:.4f}"
        best_trial = label(state.trials[ended.trial])
    elif state.incumbents:
        best, best_trial = f"{number(state.incumbents[-1][2])} so far", label(state.trials[state.incumbents[-1][1]])
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
        "stopped early": str(sum(1 for trial in state.trials.search if trial.decision and not trial.finished)),
        "searched by": "freeze_thaw" if spec.scheduler == "freeze_thaw" else f"{spec.sampler}, {spec.scheduler}",
    }


def _caution(states: Iterable[SweepState]) -> str:
    """A warning if the sweeps' values cannot be compared; "" if they can."""
    specs = [state.plan.spec for state in states]
    differing = [field for field in ("recipe", "data", "preset") if len({getattr(spec, field) for spec in specs}) > 1]
    return f"They differ in {' and '.join(differing)}: their best values are not comparable." if differing else ""


def _renamed(chart: Chart, sweep: str) -> Chart:
    return Chart(f"{chart.name}-{sweep}", f"{sweep}: {chart.title.lower()}", chart.note, chart.body, chart.columns)


def _content(table: Table) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], str]:
    return table.columns, table.rows, table.note


def _chart(chart: Chart) -> str:
    return f"<h2>{escape(chart.title)}</h2>\n{chart_html.html(chart)}\n<p class='note'>{escape(chart.note)}</p>"
