"""The tables of a sweep: its best trials, its rungs, its epochs by outcome, its stops; and one training's phases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from search.pruning.curve_statistics import CurveStatistics, PhaseSummary
from search.pruning.decision import REASONS
from search.state.outcome import Finalist
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.charts.chart import Table
from search.views.figures import epochs_by_outcome
from search.views.status_table import label, meaning, plural, short
from search.views.trial_order import ranking_key
from search.views.verdict import mean_and_std
from trainables.metric_text import metric_text

if TYPE_CHECKING:
    from search.views.importance import Importance  # it imports Optuna, which takes a second

MOST_ROWS = 200


def ranked_trials(state: SweepState) -> list[TrialState]:
    """The search's trials, best first: the ranking, then those with the most epochs."""
    with_result = {trial.number for trial in state.trials.ranking}
    others = [trial for trial in state.trials.search if trial.number not in with_result]
    return [*state.trials.ranking, *sorted(others, key=ranking_key, reverse=True)]


def trials_table(state: SweepState, most: int, settings: Sequence[str] = ()) -> Table:
    """The search's trials as `ranked_trials` orders them, with a column for each of `settings`, or one for all."""
    ranked, metric = ranked_trials(state), state.plan.recipe.metric
    rows = tuple(_trial_row(trial, settings) for trial in ranked[:most])
    note = f"The best {most} of {len(ranked)} trials." if len(ranked) > most else ""
    note = f"{note} {metric}: {meaning(state)}.".lstrip()
    columns = ("trial", metric, "best epoch", "epochs", "outcome", *(settings or ("drawn settings",)))
    return Table("Trials", columns, rows, note)


def _trial_row(trial: TrialState, settings: Sequence[str]) -> tuple[str, ...]:
    best = trial.curve.best
    peak = f"{metric_text(best.value)} at {best.epoch}" if best else "–"
    reason = trial.decision.reason if trial.decision else trial.status
    drawn = (short(trial.started.drawn) or trial.started.named,)
    values = tuple(setting(trial.started.drawn.get(name)) for name in settings) or drawn
    return label(trial), metric_text(trial.curve.objective_value), peak, str(trial.curve.epoch), reason, *values


def setting(value: object) -> str:
    """A setting's value: numbers with three digits, in full and without a power of ten; a dash for none."""
    if isinstance(value, float):
        return f"{Decimal(f'{value:.3g}'):f}"
    return "–" if value is None else str(value)


def finalist_table(state: SweepState, ranked: Sequence[Finalist], guessed: Mapping[str, float]) -> Table:
    """The confirmation: each finalist on fresh seeds, and what it had reached in the search; then what is `guessed`."""
    title = "On fresh seeds" if any(finalist.confirmed for finalist in ranked) else "Not confirmed"
    rows = tuple(
        (
            label(finalist.trial),
            mean_and_std(finalist) if finalist.confirmed else "–",
            ", ".join(map(metric_text, finalist.values)) if finalist.confirmed else "–",
            metric_text(finalist.trial.curve.objective_value),
        )
        for finalist in ranked
    )
    rows += tuple((name, metric_text(value), "–", "–") for name, value in guessed.items())
    metric = state.plan.recipe.metric
    failed = sum(finalist.failed for finalist in ranked)
    note = f"{plural(failed, 'training')} on fresh seeds failed." if failed else ""
    return Table(title, ("trial", f"{metric}, mean ± std", "each seed", "in the search"), rows, note)


def settings_table(state: SweepState, ranked: Sequence[Finalist]) -> Table:
    """The winner's searched settings beside the baseline's."""
    compared = [ranked[0]] + [finalist for finalist in ranked[1:] if finalist.trial.is_baseline]
    columns = ["baseline" if finalist.trial.is_baseline else f"trial {label(finalist.trial)}" for finalist in compared]
    rows = tuple(
        (name, *(setting(finalist.trial.started.settings.get(name)) for finalist in compared))
        for name in state.plan.ranges
    )
    return Table("Settings", ("setting", *columns), rows)


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
    note = "Where trials are compared, by the value that their curves are projected to reach." if rows else ""
    return Table("Rungs", ("epoch", "compared", "promoted", "paused", "stopped"), tuple(rows), note)


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
            _change(phase),
            metric_text(phase.value),
        )
        for phase in statistics.phases
    )
    settled = share(statistics.loss_cv_settled)
    steps = f", {share(statistics.loss_cv_steps)} over all steps" if statistics.loss_cv_steps is not None else ""
    note = f"Training loss without the warm-up: CV {settled}{steps}, detrended {share(statistics.loss_detrended_cv)}."
    lowest = ", ".join(f"{epoch} ({loss:.4g})" for epoch, loss in statistics.lowest_losses)
    note += f" Epochs of the lowest training losses: {lowest}." if lowest else ""
    return Table("Phases", ("phase", "epochs", "training loss", "CV", "first → last", f"best {metric}"), rows, note)


def _change(phase: PhaseSummary) -> str:
    change = "" if phase.loss_change is None else f" ({phase.loss_change:+.1%})"
    return f"{phase.loss_first:.4g} → {phase.loss_last:.4g}{change}"


def hours(seconds: float) -> str:
    """Seconds as hours with two digits, also where they are very few."""
    return f"{seconds / 3600:.2f}" if seconds >= 360 else f"{seconds / 3600:.2g}"


def share(value: float | None) -> str:
    """A share as a percentage, or a dash."""
    return "–" if value is None else f"{value:.1%}"
