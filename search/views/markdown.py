"""A sweep in words: the sentences at its head, and the markdown that MLflow shows as its run's note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from search.state.outcome import finalists
from search.state.sweep_state import SweepState
from search.sweep.uri import is_uri
from search.views.charts.chart import Table
from search.views.importance import Importance
from search.views.status_table import label, number, plural, short
from search.views.tables import importance_table, outcome_table, rung_table, stop_table, trials_table

ROWS = 10


def headline(state: SweepState) -> Iterator[str]:
    """What the sweep is and how it stands, sentence by sentence."""
    spec, metric = state.plan.spec, state.plan.recipe.metric
    yield f"{spec.recipe}, preset {spec.preset}, on {_data(spec.data)}, seed {spec.seed}: searching {metric}."
    trials = f"{len(state.trials.search)} of {spec.trials} trials, {plural(state.epochs, 'epoch')}"
    if state.ended is None:
        yield f"So far: {trials}, workers training {state.utilisation:.0%} of the time."
        if state.incumbents:
            _, trial, level = state.incumbents[-1]
            yield f"Best so far: trial {label(state.trials[trial])}, {metric} {number(level)}."
        return
    yield f"Ended: {trials}, workers training {state.utilisation:.0%} of the time."
    if state.ended.trial < 0:
        yield f"No winner: {state.ended.detail}."
        return
    winner = state.trials[state.ended.trial]
    yield f"Winner: trial {label(winner)}, {state.ended.detail}."
    yield f"Its settings: {short(winner.started.drawn) or winner.started.named}."
    for one in finalists(state):
        if one.trial.started.named == state.plan.recipe.baseline and one.trial is not winner:
            gain = winner.curve.oriented(state.ended.numbers["mean"] - one.mean)
            yield f"{gain:+.4f} against the baseline {state.plan.recipe.baseline!r} ({one.mean:.4f})."


def _data(place: str) -> str:
    """A data set by its name and its folder's: many are called data.yaml."""
    return "/".join(Path(urlsplit(place).path if is_uri(place) else place).parts[-2:]).replace("//", "/")


def run_description(state: SweepState, found: Importance) -> str:
    """The sweep as markdown."""
    parts = ["\n\n".join(headline(state)), markdown(trials_table(state, ROWS))]
    shares = importance_table(found)
    parts += [markdown(table) for table in (rung_table(state), outcome_table(state), stop_table(state, ROWS), shares)]
    return "\n\n".join(part for part in parts if part)


def markdown(table: Table) -> str:
    """A table under a heading; "" if it has no rows."""
    if not table.rows:
        return ""
    lines = [_line(table.columns), _line(["---"] * len(table.columns)), *map(_line, table.rows)]
    return "\n\n".join([f"#### {table.title}", "\n".join(lines), *filter(None, [table.note])])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
