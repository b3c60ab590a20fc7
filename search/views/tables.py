"""The tables of a sweep: its best trials, its rungs, its epochs by outcome, its stops; and one training's phases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from search.pruning.curve_statistics import CurveStatistics
from search.pruning.decision import REASONS
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.charts.chart import Table
from search.views.figures import epochs_by_outcome
from search.views.status_table import label, meaning, number, short
from search.views.trial_order import ranking_key

if TYPE_CHECKING:
    from search.views.importance import Importance  # it imports Optuna, which takes a second

MOST_ROWS = 200


def tables(state: SweepState, importance: Importance) -> Iterator[Table]:
    """All tables of a sweep."""
    yield trials_table(state, MOST_ROWS)
    yield rung_table(state)
    yield outcome_table(state)
    yield importance_table(importance)


def trials_table(state: SweepState, most: int) -> Table:
    """The search's trials, best first: the ranking, then those with the most epochs."""
    with_result = {trial.number for trial in state.trials.ranking}
    others = [trial for trial in state.trials.search if trial.number not in with_result]
    ranked = [*state.trials.ranking, *sorted(others, key=ranking_key, reverse=True)]
    rows = tuple(_trial_row(trial) for trial in ranked[:most])
    note = f"The best {most} of {len(ranked)} trials." if len(ranked) > most else ""
    note = f"{note} {state.plan.recipe.metric}: {meaning(state)}.".lstrip()
    metric = state.plan.recipe.metric
    return Table("Trials", ("trial", metric, "best epoch", "epochs", "outcome", "drawn settings"), rows, note)


def _trial_row(trial: TrialState) -> tuple[str, ...]:
    best = trial.curve.best
    peak = f"{number(best.value)} at {best.epoch}" if best else "–"
    reason = trial.decision.reason if trial.decision else trial.status
    drawn = short(trial.started.drawn) or trial.started.named
    return label(trial), number(trial.curve.objective_value), peak, str(trial.curve.epoch), reason, drawn


def rung_table(state: SweepState) -> Table:
    """For each rung: how many trials were compared, promoted, paused and stopped there, by their last decision."""
    arrived: dict[int, dict[int, str]] = defaultdict(dict)  # by rung and trial, the last action
    for trial in state.trials.search:
        for decision in trial.decisions:
            if decision.reason == "rung" or decision.action == "pause":  # a demoted trial is paused at a rung too
                rung = int(decision.numbers["rung"])
                arrived[rung][trial.number] = decision.action
    rows = []
    for rung in sorted(arrived):
        actions = list(arrived[rung].values())
        counts = (actions.count("continue"), actions.count("pause"), actions.count("stop"))
        rows.append((str(rung), str(len(actions)), *map(str, counts)))
    return Table("Rungs", ("epoch", "compared", "promoted", "paused", "stopped"), tuple(rows))


def outcome_table(state: SweepState) -> Table:
    """For each outcome: trials, epochs and hours of workers."""
    totals = epochs_by_outcome(state)
    total = sum(epochs for _, epochs, _ in totals.values()) or 1
    rows = tuple(
        (kind, str(trials), str(epochs), f"{epochs / total:.0%}", hours(seconds))
        for kind, (trials, epochs, seconds) in totals.items()
    )
    return Table("Epochs by outcome", ("outcome", "trials", "epochs", "share", "worker hours"), rows)


def stop_table(state: SweepState, most: int = 20) -> Table:
    """Why trials were stopped, the latest first."""
    stopped = [trial for trial in state.trials.values() if trial.decision and trial.decision.reason != "done"]
    rows = tuple(_stop_row(trial) for trial in stopped[::-1][:most])
    note = f"The latest {most} of {len(stopped)}." if len(stopped) > most else ""
    return Table("Why trials were stopped", ("trial", "after epoch", "reason", "details"), rows, note)


def _stop_row(trial: TrialState) -> tuple[str, ...]:
    assert trial.decision is not None
    reason = trial.decision.reason
    return label(trial), str(trial.decision.epoch), f"{reason}: {REASONS[reason]}", trial.decision.detail


def importance_table(importance: Importance) -> Table:
    """The importance of each setting, as numbers."""
    rows = tuple((name, f"{share:.1%}") for name, share in importance.shares.items())
    return Table("Parameter importance", ("setting", "importance"), rows, f"PED-ANOVA over {importance.trials} trials.")


def phase_table(statistics: CurveStatistics, metric: str) -> Table:
    """The phases of one training, as the YOLOX stability report (document 001) lists them."""
    rows = tuple(
        (
            phase.phase,
            f"{phase.first}–{phase.last}",
            f"{phase.loss_mean:.4g} ± {phase.loss_std:.2g}",
            share(phase.loss_std / abs(phase.loss_mean) if phase.loss_mean else None),
            number(phase.value),
        )
        for phase in statistics.phases
    )
    settled = share(statistics.loss_cv_settled)
    steps = f", {share(statistics.loss_cv_steps)} over all steps" if statistics.loss_cv_steps is not None else ""
    note = f"Training loss without the warm-up: CV {settled}{steps}, detrended {share(statistics.loss_detrended_cv)}."
    return Table("Phases", ("phase", "epochs", "training loss", "CV", f"best {metric}"), rows, note)


def hours(seconds: float) -> str:
    """Seconds as hours with two digits, also where they are very few."""
    return f"{seconds / 3600:.2f}" if seconds >= 360 else f"{seconds / 3600:.2g}"


def share(value: float | None) -> str:
    """A share as a percentage, or a dash."""
    return "–" if value is None else f"{value:.1%}"
