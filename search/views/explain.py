"""What became of a sweep and of each trial, as sentences for people and as values for machines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from search.pruning.curve_statistics import curve_statistics
from search.pruning.decision import REASONS
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.counterfactual import counterfactual
from search.views.pareto import pareto_front
from search.views.status_table import description, label, number


def sweep_json(state: SweepState, name: str) -> dict[str, Any]:
    """The sweep for machines: what `steadytune status --json` prints."""
    return {
        "name": name,
        "recipe": state.plan.recipe.name,
        "metric": state.plan.recipe.metric,
        "state": "ended" if state.ended else "open",
        "epochs": state.epochs,
        "best": {"trial": state.ended.trial, **state.ended.numbers} if state.ended and state.ended.trial >= 0 else None,
        "recalled": len(state.prior_trials),
        "search_ended": state.search_ended.detail if state.search_ended else None,
        "front": [
            {"trial": one.trial.started.trial, "level": one.level, state.plan.spec.also: one.cost}
            for one in pareto_front(state)
        ],
        "utilisation": state.utilisation,
        "trials": [trial_json(trial) for trial in state.trials.values()],
    }


def trial_json(trial: TrialState) -> dict[str, Any]:
    """One trial for machines."""
    best = trial.curve.best
    return {
        "trial": trial.started.trial,
        "kind": trial.started.kind,
        "of": trial.started.of,
        "named": trial.started.named,
        "epochs": trial.curve.epoch,
        "level": trial.curve.smoothed_value,
        "best": best.value if best else None,
        "best_epoch": best.epoch if best else None,
        "status": trial.status,
        "reason": trial.decision.reason if trial.decision else None,
        "detail": trial.decision.detail if trial.decision else None,
        "drawn": trial.started.drawn,
    }


def explanation_json(trial: TrialState) -> dict[str, Any]:
    """One trial with its curve, its decisions and its complete settings: what `steadytune explain --json` prints."""
    return trial_json(trial) | {
        "seed": trial.started.seed,
        "settings": trial.started.settings,
        "curve": [_plain(asdict(point)) for point in trial.curve.points],
        "decisions": [_plain(asdict(decided)) for decided in trial.decisions],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with null for the numbers that JSON does not have: NaN and the infinite."""
    return {
        name: _plain(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in values.items()
    }


def explanation(state: SweepState, trial: TrialState) -> list[str]:
    """What became of one trial and why, as sentences."""
    started, curve = trial.started, trial.curve
    metric = state.plan.recipe.metric
    lines = [f"Trial {label(trial)}, seed {started.seed}: {description(trial)}"]
    best = curve.best
    if best is not None:
        lines.append(
            f"{curve.epoch} of {state.plan.max_epochs} epochs; {metric} {number(curve.smoothed_value)} "
            f"as the mean of the last epochs, best {number(best.value)} at epoch {best.epoch}."
        )
    else:
        lines.append(f"{curve.epoch} of {state.plan.max_epochs} epochs; no {metric} so far.")
    for point in curve.points:
        loss = "–" if point.loss is None else f"{point.loss:.4g}"
        held_out = f"  held-out {point.held_out:.4g}" if point.held_out is not None else ""
        lines.append(f"  epoch {point.epoch:3d}  {metric} {number(point.value)}  training loss {loss}{held_out}")
    for decided in trial.decisions:
        verb = {"stop": "stopped", "pause": "began to wait", "continue": "went on"}[decided.action]
        why = f" ({decided.reason}: {REASONS[decided.reason]})" if decided.action == "stop" else ""
        lines.append(f"After epoch {decided.epoch} it {verb}{why}: {decided.detail}.")
    lines.extend(counterfactual(state, trial))
    lines.extend(_steadiness(trial))
    if trial.running:
        lines.append("It is running, or will go on when the sweep is resumed.")
    if trial.paused:
        lines.append("It waits with its checkpoint, and goes on if enough others turn out worse.")
    return lines


def _steadiness(trial: TrialState) -> Iterator[str]:
    """How steadily it trained, as far as that can be told."""
    found = curve_statistics(trial.curve)
    parts = [
        (found.loss_cv_settled, "training loss CV {:.1%} after warm-up"),
        (found.loss_detrended_cv, "{:.1%} detrended"),
        (found.value_detrended_cv, "metric {:.1%} detrended"),
        (found.trend, "metric trend {:+.4f} an epoch"),
        (found.decline or None, "{:.1%} below its peak"),
    ]
    said = [words.format(value) for value, words in parts if value is not None]
    said += [f"loss spikes at epochs {', '.join(map(str, found.spikes))}"] if found.spikes else []
    if said:
        yield f"Curve: {', '.join(said)}."
    if len(found.phases) > 1:
        phases = (
            f"{one.phase} {one.first} to {one.last}: loss {one.loss_mean:.4g} ± {one.loss_std:.2g}"
            for one in found.phases
        )
        yield f"Phases: {'; '.join(phases)}."
