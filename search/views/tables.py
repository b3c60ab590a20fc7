"""The tables of a sweep: its best trials, its rungs, where its epochs went; and the phases of one training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from search.pruning.curve_statistics import CurveStatistics
from search.pruning.decision import REASONS
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.charts.chart import Table
from search.views.figures import epochs_by_outcome
from search.views.importance import Importance, ranking_key
from search.views.status_table import label, number, short

MOST_ROWS = 200


def tables(state: SweepState, found: Importance) -> Iterator[Table]:
    """All tables of a sweep."""
    yield trials_table(state, MOST_ROWS)
    yield rung_table(state)
    yield outcome_table(state)
    yield importance_table(found)


def trials_table(state: SweepState, most: int) -> Table:
    """The search's trials, best first: the finished ones by level, then those that got furthest."""
    ranked = sorted(state.trials.search, key=lambda one: (one.finished, *ranking_key(one)), reverse=True)
    rows = tuple(_trial_row(trial) for trial in ranked[:most])
    note = f"The best {most} of {len(ranked)} trials." if len(ranked) > most else ""
    metric = state.plan.recipe.metric
    return Table("Trials", ("trial", metric, "best", "epochs", "outcome", "drawn"), rows, note)


def _trial_row(trial: TrialState) -> tuple[str, ...]:
    best = trial.curve.best
    peak = f"{number(best.value)} at {best.epoch}" if best else "–"
    reason = trial.decision.reason if trial.decision else trial.status
    drawn = short(trial.started.drawn) or trial.started.named
    return label(trial), number(trial.curve.smoothed_value), peak, str(trial.curve.epoch), reason, drawn


def rung_table(state: SweepState) -> Table:
    """At each rung: how many came, how many went on, and the last level that was needed."""
    came: dict[int, dict[int, str]] = defaultdict(dict)
    for trial in state.trials.search:
        for decided in trial.decisions:
            if decided.reason == "rung":
                rung = int(decided.numbers["rung"])
                came[rung][trial.started.trial] = decided.action
    rows = []
    for rung in sorted(came):
        actions = list(came[rung].values())
        parts = (actions.count("continue"), actions.count("pause"), actions.count("stop"))
        rows.append((str(rung), str(len(actions)), *map(str, parts)))
    return Table("Rungs", ("epoch", "compared", "went on", "waiting", "stopped"), tuple(rows))


def outcome_table(state: SweepState) -> Table:
    """What became of the trials, and how many epochs and hours went into them."""
    found = epochs_by_outcome(state)
    total = sum(epochs for _, epochs, _ in found.values()) or 1
    rows = tuple(
        (kind, str(trials), str(epochs), f"{epochs / total:.0%}", hours(seconds))
        for kind, (trials, epochs, seconds) in found.items()
    )
    return Table("Where the epochs went", ("outcome", "trials", "epochs", "share", "worker hours"), rows)


def stop_table(state: SweepState, most: int = 20) -> Table:
    """Why trials were stopped, the latest first."""
    stopped = [trial for trial in state.trials.values() if trial.decision and trial.decision.reason != "done"]
    rows = tuple(_stop_row(trial) for trial in stopped[::-1][:most])
    note = f"The latest {most} of {len(stopped)}." if len(stopped) > most else ""
    return Table("Why trials were stopped", ("trial", "after epoch", "reason", "in numbers"), rows, note)


def _stop_row(trial: TrialState) -> tuple[str, ...]:
    assert trial.decision is not None
    reason = trial.decision.reason
    return label(trial), str(trial.decision.epoch), f"{reason}: {REASONS[reason]}", trial.decision.detail


def importance_table(found: Importance) -> Table:
    """The shares as numbers."""
    rows = tuple((name, f"{share:.1%}") for name, share in found.shares.items())
    return Table("Parameter importance", ("setting", "share"), rows, f"PED-ANOVA over {found.trials} trials.")


def phase_table(found: CurveStatistics, metric: str) -> Table:
    """The phases of one training, as document 001 lists them."""
    rows = tuple(
        (
            one.phase,
            f"{one.first}–{one.last}",
            f"{one.loss_mean:.4g} ± {one.loss_std:.2g}",
            share(one.loss_std / abs(one.loss_mean) if one.loss_mean else None),
            number(one.value),
        )
        for one in found.phases
    )
    settled = share(found.loss_cv_settled)
    note = f"Training loss without the warm-up: CV {settled}, detrended {share(found.loss_detrended_cv)}."
    return Table("Phases", ("phase", "epochs", "training loss", "CV", f"best {metric}"), rows, note)


def hours(seconds: float) -> str:
    """Seconds as hours, two digits of them however few they are."""
    return f"{seconds / 3600:.2f}" if seconds >= 360 else f"{seconds / 3600:.2g}"


def share(value: float | None) -> str:
    """A share as a percentage, or a dash."""
    return "–" if value is None else f"{value:.1%}"
