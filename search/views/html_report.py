"""HTML pages that need neither network nor MLflow: the report of a sweep, the comparison of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from search.state.sweep_state import SweepState
from search.sweep.data_look import DataLook
from search.views.charts import html as chart_html
from search.views.charts.chart import Chart, Table
from search.views.data_look import html_picture
from search.views.data_look import tables as look_tables
from search.views.figures import best_so_far, figures
from search.views.html_text import escape
from search.views.importance import importance
from search.views.markdown import headline
from search.views.status_table import label, number
from search.views.tables import hours, outcome_table, stop_table, tables

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2.2rem; }
.note { color: #666; font-size: .9em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88em; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
"""


def sweep_page(state: SweepState, name: str, data_look: DataLook | None = None) -> str:
    """The report of one sweep: its result, all figures and tables, and what was seen of its data."""
    importances = importance(state)
    parts = [_sentences(headline(state))]
    parts += [_chart(chart) for chart in figures(state, importances) if not chart.empty]
    parts += [_table(table) for table in tables(state, importances) if table.rows]
    parts += [_table(stop_table(state, 100))]
    if data_look:
        parts += [
            _sentences(iter(data_look.look.warnings)),
            *map(_table, look_tables(data_look)),
            html_picture(data_look),
        ]
    return _page(f"Sweep {name}", parts)


def comparison_page(states: Mapping[str, SweepState]) -> str:
    """The comparison of sweeps, by name."""
    parts = [_table(comparison(states))]
    curves = [best_so_far(state) for state in states.values()]
    parts += [_chart(_renamed(chart, name)) for name, chart in zip(states, curves, strict=True) if not chart.empty]
    for name, state in states.items():
        parts += [_table(Table(f"{name}: epochs by outcome", *_content(outcome_table(state))))]
    return _page(f"Comparison: {', '.join(states)}", parts)


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


def _page(title: str, parts: Iterable[str]) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>{chart_html.script()}'
    body = f"<h1>{escape(title)}</h1>\n" + "\n".join(parts)
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>{body}</body></html>\n"


def _sentences(texts: Iterator[str]) -> str:
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts)


def _chart(chart: Chart) -> str:
    return f"<h2>{escape(chart.title)}</h2>\n{chart_html.html(chart)}\n<p class='note'>{escape(chart.note)}</p>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    grid = f"<div class='wide'><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
    return f"<h2>{escape(table.title)}</h2>\n{grid}\n<p class='note'>{escape(table.note)}</p>"
