"""The best trade-offs between the metric and what a training costs: the trials that no other beats in both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

from search.state.cost import measure_cost
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.spec import UNITS, Measure
from search.views.status_table import label


@dataclass(frozen=True)
class TradeOff:
    """A finished trial with its cost (`search.state.cost`), which is the better the lower it is."""

    trial: TrialState
    level: float
    cost: float


def pareto_front(state: SweepState) -> list[TradeOff]:
    """The best trade-offs among the search's finished trials; none unless the sweep has `also`."""
    measure = state.plan.spec.also
    return non_dominated(state.trials.ranking, measure) if measure else []


def non_dominated(trials: Iterable[TrialState], measure: Measure) -> list[TradeOff]:
    """Those of `trials` that are not beaten in both (Pareto's front), best metric first; of equals the first."""
    known = []
    for trial in trials:
        cost = measure_cost(trial, measure)
        if cost is not None and trial.curve.smoothed_value is not None:
            known.append(TradeOff(trial, trial.curve.smoothed_value, cost))
    found: list[TradeOff] = []
    for one in sorted(known, key=lambda one: (-one.trial.curve.oriented(one.level), one.cost)):
        if not found or one.cost < found[-1].cost:
            found.append(one)
    return found


def pareto_table(found: list[TradeOff], metric: str, measure: Measure) -> Table:
    """The front, one line a trial."""
    title = f"Best trade-offs between {metric} and {measure}"
    shown = Table(title=title, title_justify="left", box=None, padding=(0, 2), pad_edge=False)
    for column in ("trial", metric, f"{measure} ({UNITS[measure]})"):
        shown.add_column(column, justify="left" if column == "trial" else "right")
    for one in found:
        shown.add_row(label(one.trial), f"{one.level:.4f}", f"{one.cost:.3g}")
    return shown
