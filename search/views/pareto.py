"""The Pareto front of the metric and a cost: the trials that no other beats in both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from search.state.cost import measure_cost
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.measure import UNITS, Measure
from search.views.status_table import label
from trainables.metric_text import metric_text


@dataclass(frozen=True)
class TradeOff:
    """A trial with its objective and its cost (`search.state.cost`); a lower cost is better."""

    trial: TrialState
    value: float
    cost: float


def pareto_front(state: SweepState) -> list[TradeOff]:
    """The Pareto front of the search's trials with a result; empty unless the sweep has `also`."""
    measure = state.plan.spec.also
    return non_dominated(state.trials.ranking, measure) if measure else []


def non_dominated(trials: Iterable[TrialState], measure: Measure) -> list[TradeOff]:
    """Those of `trials` that no other beats in both metric and cost, best metric first; of equals only the first."""
    candidates = []
    for trial in trials:
        cost = measure_cost(trial, measure)
        if cost is not None and trial.curve.objective_value is not None:
            candidates.append(TradeOff(trial, trial.curve.objective_value, cost))
    candidates.sort(key=lambda candidate: (-candidate.trial.curve.oriented(candidate.value), candidate.cost))
    front: list[TradeOff] = []
    for candidate in candidates:
        # All before it have a metric at least as good: it is on the front if it costs less than the cheapest of them.
        if not front or candidate.cost < front[-1].cost:
            front.append(candidate)
    return front


def pareto_table(front: list[TradeOff], metric: str, measure: Measure) -> Table:
    """The front as a table, one line per trial."""
    title = f"Best trade-offs between {metric} and {measure}"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2), pad_edge=False)
    for column in ("trial", metric, f"{measure} ({UNITS[measure]})"):
        table.add_column(column, justify="left" if column == "trial" else "right")
    for point in front:
        table.add_row(label(point.trial), metric_text(point.value), f"{point.cost:.3g}")
    return table
