"""A sweep as text: the sentences at the head of its report, and the description that MLflow shows with its run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from search.journal.events import SweepExtended
from search.state.extension import SPACE, space_changes
from search.state.lead import learnt_nothing
from search.state.outcome import finalists
from search.state.sweep_state import SweepState
from search.sweep.uri import is_uri
from search.views.charts.chart import Table
from search.views.importance import Importance
from search.views.remarks import remarks
from search.views.status_table import label, plural, request_line, short, waited, winner_stopped
from search.views.tables import importance_table, outcome_table, rung_table, stop_table, trials_table
from search.views.targets import target_lines
from search.views.verdict import lead_sentences, nothing_learnt
from trainables.metric_text import metric_text
from trainables.printable import printable

ROWS = 10
"""Of each table: the whole description must fit into 8,000 characters (the limit of older MLflow databases)."""


def headline(state: SweepState) -> Iterator[str]:
    """The result, or how far the sweep is; then what the sweep is, sentence by sentence."""
    spec, metric = state.plan.spec, state.plan.recipe.metric
    yield from _result(state)
    trials = f"{len(state.trials.search)} of {state.trial_budget} trials, {plural(state.epochs, 'epoch')}"
    how = "So far" if state.ended is None else "Ended"
    yield f"{how}: {trials}, workers training {state.utilisation:.0%} of the time{waited(state)}."
    data = f"data {_data(spec.data)}, " if spec.data else ""
    yield f"Recipe {spec.recipe}, preset {spec.preset}, {data}seed {spec.seed}; metric {metric}."
    for order, stage in enumerate(spec.earlier_stages, 1):
        yield f"Started from stage {order}: {stage}."
    yield from remarks(state)
    for extension in state.extensions:
        changed = "; ".join(f"{name} {before} → {after}" for name, before, after in _changes(extension))
        yield f"Changed on the way: {changed}."
    requests = [request_line(request).removeprefix("by hand: ") for request in state.requests.values()]
    if requests:
        earlier = f"; and {len(requests) - ROWS} before" if len(requests) > ROWS else ""
        yield f"By hand: {'; '.join(requests[-ROWS:])}{earlier}."


def _result(state: SweepState) -> Iterator[str]:
    """The winner and how sure it is, or the best so far."""
    if state.ended is None:
        if state.incumbents:
            _, trial, value = state.incumbents[-1]
            yield f"Best so far: trial {label(state.trials[trial])}, {state.plan.recipe.metric} {metric_text(value)}."
        return
    if state.ended.trial < 0:
        yield f"No winner: {state.ended.detail}."
        return
    winner = state.trials[state.ended.trial]
    yield from nothing_learnt(state)
    yield f"{'Highest' if learnt_nothing(state) else 'Winner'}: trial {label(winner)}, {state.ended.detail}."
    yield from (f"{sentence}." for sentence in lead_sentences(state, finalists(state)))
    yield from target_lines(state)
    yield from winner_stopped(winner)
    yield f"Its settings: {short(winner.started.drawn) or winner.started.named}."


def _changes(extension: SweepExtended) -> Iterator[tuple[str, Any, Any]]:
    """What was changed, with its value before and after; of the field `set` each setting."""
    for name, (before, after) in extension.changes.items():
        if name != SPACE:
            yield name, before, after
            continue
        for setting, (old, new) in space_changes(before or {}, after or {}).items():
            yield setting, "the recipe's own" if old is None else old, "the recipe's own" if new is None else new


def _data(path_or_uri: str) -> str:
    """A data set's name with its folder's, since many are called data.yaml."""
    return "/".join(Path(urlsplit(path_or_uri).path if is_uri(path_or_uri) else path_or_uri).parts[-2:]).replace(
        "//", "/"
    )


def run_description(state: SweepState, importance: Importance) -> str:
    """The sweep as markdown, for the description of its MLflow run."""
    parts = ["\n\n".join(map(escaped, headline(state))), markdown(trials_table(state, ROWS))]
    importances = importance_table(importance)
    parts += [
        markdown(table) for table in (rung_table(state), outcome_table(state), stop_table(state, ROWS), importances)
    ]
    return "\n\n".join(part for part in parts if part)


def markdown(table: Table) -> str:
    """A table under a heading; "" if it has no rows."""
    if not table.rows:
        return ""
    lines = [_line(table.columns), _line(["---"] * len(table.columns)), *map(_line, table.rows)]
    title, *notes = map(escaped, filter(None, [table.title, table.note]))
    return "\n\n".join([f"#### {title}", "\n".join(lines), *notes])


def escaped(text: str) -> str:
    r"""`text` as Markdown shows it: no emphasis, link, tag, entity or cell in it, on one line.

    An underscore inside a word is left alone, as Markdown does: "map50_95".

    >>> escaped("a|b *c*")
    'a\\|b \\*c\\*'
    """
    return " ".join(_MARKUP.sub(r"\\\g<0>", printable(text)).split("\n"))


_MARKUP = re.compile(r"[\\`*\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"
