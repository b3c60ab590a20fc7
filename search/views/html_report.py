"""The report of a sweep as an HTML page that needs neither network nor MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from search.next_step import DEFAULT_SWEEPS
from search.state.lead import lead, learnt_nothing
from search.state.outcome import Finalist, finalists
from search.state.sweep_state import SweepState
from search.sweep.data_look import DataLook, read
from search.sweep.folder import SweepFolder
from search.views.charts import html as chart_html
from search.views.charts import script as chart_script
from search.views.charts.chart import Chart
from search.views.data_look import html_picture
from search.views.data_look import tables as look_tables
from search.views.figures import figures, marked
from search.views.html_page import html_grid, html_table, page, sentences
from search.views.html_text import escape
from search.views.importance import Importance, importance
from search.views.markdown import headline
from search.views.model_process import read_part
from search.views.seeds_figure import seeds_figure
from search.views.seeds_together import read_seeds, seeds_sentences, seeds_table
from search.views.status_table import label, plural
from search.views.tables import (
    MOST_ROWS,
    finalist_table,
    ranked_trials,
    rung_table,
    settings_table,
    stop_table,
    trials_table,
)
from search.views.targets import target_lines
from search.views.verdict import (
    baseline_of,
    lead_sentences,
    mean_and_std,
    next_step,
    no_better_than_guesses,
    nothing_learnt,
)
from trainables.look import Look
from trainables.metric_text import metric_text
from trainables.seeds_together import SeedsTogether

MOST_WARNINGS = 3
"""On the first screen; all are in the part on the data."""


def sweep_page(
    state: SweepState,
    name: str,
    data_look: DataLook | None = None,
    models: str = "",
    together: SeedsTogether | None = None,
    root: Path = DEFAULT_SWEEPS,
) -> str:
    """The report of one sweep: its result in one screen, what its models do, how the search went, its data.

    Args:
        state: of the sweep.
        name: of the sweep.
        data_look: what is shown of its data.
        models: HTML on winner and baseline, see `search.views.model_process`.
        together: what the winner's fresh seeds reach together.
        root: folder of the sweeps, for the commands that the page suggests.
    """
    importances = importance(state)
    parts = [*_result(state, SweepFolder(root, name), data_look.look if data_look else Look(), together)]
    if models:
        parts += ["<h1 id='models'>Winner and baseline on held-out data</h1>", models]
    parts += ["<h1 id='search'>The search</h1>", *_search(state, importances)]
    if data_look:
        parts += [
            "<h1 id='data'>The data</h1>",
            sentences(iter(data_look.look.warnings)),
            *map(html_table, look_tables(data_look)),
            html_picture(data_look),
        ]
    parts += ["<h1 id='about'>About this sweep</h1>", sentences(headline(state))]
    return page(f"Sweep {name}", parts, chart_script.script())


def sweep_report(state: SweepState, folder: SweepFolder) -> str:
    """The report of the sweep in `folder`, with what is kept there of its data and its models.

    Raises:
        SteadytuneError: a file of the folder was damaged.
    """
    look, models, together = read(folder.look), read_part(folder), read_seeds(folder)
    return sweep_page(state, folder.name, look, models, together, folder.root)


def html_chart(chart: Chart) -> str:
    """A chart under its heading."""
    return f"<h2>{escape(chart.title)}</h2>\n{chart_html.html(chart)}\n<p class='note'>{escape(chart.note)}</p>"


def _result(state: SweepState, folder: SweepFolder, look: Look, together: SeedsTogether | None) -> Iterator[str]:
    """One screen: what won, by how much, how certain that is, what to do next, and warnings about the data."""
    ranked = finalists(state) if state.ended is not None and state.ended.trial >= 0 else []
    guessed = look.guessed(state.plan.recipe.metric)
    result_sentences = [*_verdict(state, folder, ranked, guessed)]
    if together:
        result_sentences += [f"{sentence}." for sentence in seeds_sentences(together, folder.command("export"))]
    result_sentences += [f"About the data: {warning}" for warning in look.warnings[:MOST_WARNINGS]]
    unsure = " unsure" if not ranked or learnt_nothing(state) or _within_noise(ranked) else ""
    lead_text, *others = map(escape, result_sentences)
    paragraphs = "".join(f"<p>{text}</p>" for text in others)
    yield f"<div class='result{unsure}'><p class='lead'>{lead_text}</p>{paragraphs}</div>"
    if not ranked:
        return
    seeds = f"<div>{html_chart(seeds_figure(state, ranked, guessed))}</div>"
    beside = [finalist_table(state, ranked, guessed), settings_table(state, ranked)]
    beside[1:1] = [seeds_table(together)] if together else []
    yield f"<div class='beside'>{seeds}<div>{''.join(map(html_table, beside))}</div></div>"


def _verdict(
    state: SweepState, folder: SweepFolder, ranked: list[Finalist], guessed: Mapping[str, float]
) -> Iterator[str]:
    metric = state.plan.recipe.metric
    if not ranked:
        best = marked(state)
        yield "No result" if state.ended is not None else "The sweep has not ended"
        if state.ended is not None:
            yield f"{state.ended.detail}."
        elif best:
            yield f"{best[1].capitalize()}, {metric} {metric_text(best[0].curve.objective_value)} on one seed."
        return
    if learnt_nothing(state):
        yield from nothing_learnt(state)
        return
    winner = ranked[0]
    seeds = f"over {plural(len(winner.values), 'fresh seed')}" if winner.confirmed else "of one training, not confirmed"
    yield f"{'Keep the baseline, ' if winner.trial.is_baseline else 'Deploy '}trial {label(winner.trial)}"
    yield f"{metric} {mean_and_std(winner)} {seeds}. Checkpoint, settings and weights are in the sweep's folder best/."
    yield from (f"{sentence}." for sentence in no_better_than_guesses(state, winner, guessed))
    yield from (f"{sentence}." for sentence in lead_sentences(state, ranked))
    yield from target_lines(state)
    checkpoint = folder.best / "checkpoint"
    yield ". ".join(next_step(state, ranked, str(checkpoint) if checkpoint.is_dir() else "", folder))


def _within_noise(ranked: list[Finalist]) -> bool:
    baseline = baseline_of(ranked)
    return baseline is not None and baseline is not ranked[0] and lead(ranked[0], baseline, ranked).within_noise


def _search(state: SweepState, importances: Importance) -> Iterator[str]:
    best = marked(state)
    trials = [trial.number for trial in ranked_trials(state)[:MOST_ROWS]]
    drawn = [chart for chart in figures(state, importances) if not chart.empty]
    curves = [chart for chart in drawn if chart.name == "learning_curves"]
    yield from map(html_chart, curves)
    table = trials_table(state, MOST_ROWS, list(importances.shares) or list(state.plan.ranges))
    if table.rows:
        hint = "Click on a trial to see it in all figures, on a heading to sort."
        grid = html_grid(table, trials, best[0].number if best else None)
        yield f"<h2>{escape(table.title)}</h2><p class='note'>{escape(f'{hint} {table.note}')}</p>{grid}"
    yield from (html_chart(chart) for chart in drawn if chart not in curves)
    rungs = rung_table(state)
    yield html_table(rungs) if rungs.rows else ""
    yield html_table(stop_table(state, 100))
