"""What happened to a sweep and to each trial: as sentences for people, and as JSON values for programs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from search.pruning.curve_statistics import curve_statistics
from search.pruning.decision import REASONS
from search.pruning.objective import WINDOW
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.counterfactual import counterfactual
from search.views.pareto import pareto_front
from search.views.remarks import remarks_of
from search.views.status_table import description, happened, label, meaning
from trainables.metric_text import metric_text

MOST_EPOCHS = 30
"""Of longer trainings only the epochs that decided are listed; else the explanation would scroll off the terminal."""

RUNG = (
    "At a rung, trials are compared by the value that their curves are projected to reach. Those below the cutoff wait "
    "there (docs/pruning.md)."
)


def sweep_json(state: SweepState, name: str) -> dict[str, Any]:
    """The sweep as `steadytune status --json` prints it; its keys are stable."""
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
            {"trial": point.trial.number, "level": point.value, state.plan.spec.also: point.cost}
            for point in pareto_front(state)
        ],
        "utilisation": state.utilisation,
        "data_share": state.data_share,
        "trials": [trial_json(trial) for trial in state.trials.values()],
    }


def trial_json(trial: TrialState) -> dict[str, Any]:
    """One trial; the keys are stable, so the objective is called "level"; it comes from epochs up to "level_epoch"."""
    best = trial.curve.best
    return {
        "trial": trial.number,
        "kind": trial.started.kind,
        "of": trial.started.of,
        "named": trial.started.named,
        "epochs": trial.curve.epoch,
        "level": trial.curve.objective_value,
        "level_epoch": trial.curve.reached.last if trial.curve.reached else None,
        "best": best.value if best else None,
        "best_epoch": best.epoch if best else None,
        "status": trial.status,
        "reason": trial.decision.reason if trial.decision else None,
        "detail": trial.decision.detail if trial.decision else None,
        "drawn": trial.started.drawn,
        "gpu_bytes": trial.gpu_bytes or None,
    }


def explanation_json(trial: TrialState) -> dict[str, Any]:
    """One trial with its curve, decisions and settings, as `steadytune explain --json` prints it; keys are stable."""
    return trial_json(trial) | {
        "seed": trial.started.seed,
        "settings": trial.started.settings,
        "curve": [_without_nonfinite(asdict(point)) for point in trial.curve.points],
        "decisions": [_without_nonfinite(asdict(decision)) for decision in trial.decisions],
    }


def _without_nonfinite(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with null for the numbers that JSON does not have: NaN and infinity."""
    return {
        name: _without_nonfinite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in values.items()
    }


def explanation(state: SweepState, trial: TrialState, every_epoch: bool = False) -> list[str]:
    """What happened to one trial and why: its curve, each decision, and what would have changed the last one.

    Args:
        state: of the sweep.
        trial: to explain.
        every_epoch: have a line for each epoch; else, of more than `MOST_EPOCHS`, only for those that decided.
    """
    lines = [f"Trial {label(trial)}, seed {trial.started.seed}: {description(trial)}"]
    lines.append(_progress(state, trial))
    lines.extend(_epoch_lines(trial, state.plan.recipe.metric, every_epoch))
    for before, decision in zip([None, *trial.decisions], trial.decisions, strict=False):
        says_why = decision.action == "stop" or (decision.action == "pause" and decision.reason != "rung")
        reason = f" ({decision.reason}: {REASONS[decision.reason]})" if says_why else ""
        lines.append(f"After epoch {decision.epoch} it {happened(decision, before)}{reason}: {decision.detail}.")
    if any("rung" in decision.numbers for decision in trial.decisions):
        lines.append(RUNG)
    lines.extend(counterfactual(state, trial))
    lines.extend(_result(state, trial))
    lines.extend(_curve_lines(trial))
    if trial.gpu_bytes:
        lines.append(f"It took up to {trial.gpu_bytes / 1e9:.1f} GB of its GPU.")
    lines += [f"{remark}." for remark in remarks_of(trial)]
    if trial.running:
        lines.append("It is running, or continues when the sweep is resumed.")
    if trial.paused:
        lines.append("It is paused with its checkpoint, and may be promoted when more trials have arrived at the rung.")
    return lines


def _epoch_lines(trial: TrialState, metric: str, every_epoch: bool) -> Iterator[str]:
    points = trial.curve.points
    epochs_shown = (
        _telling(trial) if len(points) > MOST_EPOCHS and not every_epoch else {point.epoch for point in points}
    )
    left_out = 0
    for is_shown, group in groupby(points, lambda point: point.epoch in epochs_shown):
        stretch = list(group)
        if not is_shown and len(stretch) > 1:  # a line for one epoch says more than that it is left out
            left_out += len(stretch)
            yield f"  … {len(stretch)} epochs"
            continue
        for point in stretch:
            loss = "–" if point.loss is None else f"{point.loss:.4g}"
            held_out = f"  held-out loss {point.held_out:.4g}" if point.held_out is not None else ""
            yield f"  epoch {point.epoch:3d}  {metric} {metric_text(point.value)}  training loss {loss}{held_out}"
    if left_out:
        yield f"  {left_out} of {len(points)} epochs are left out; --every-epoch shows them."


def _telling(trial: TrialState) -> set[int]:
    """The epochs of a long training that matter: first, last and best ones, those of its objective and of decisions."""
    curve = trial.curve
    epochs = {1, *range(curve.epoch - WINDOW + 1, curve.epoch + 1)}
    epochs |= {decision.epoch for decision in trial.decisions}
    epochs |= {curve.best.epoch} if curve.best else set()
    epochs |= set(range(curve.reached.first, curve.reached.last + 1)) if curve.reached else set()
    return epochs


def _result(state: SweepState, trial: TrialState) -> Iterator[str]:
    """For a trial that was stopped early: that it counts by the objective that it had reached, and whether it won."""
    reached = trial.curve.reached
    if not trial.counts or trial.finished or reached is None:
        return
    verb = "won" if state.ended is not None and state.ended.trial == trial.number else "counts"
    checkpoint = f"its best checkpoint is of epoch {reached.epoch}"
    yield f"It {verb} by what it had reached before it was stopped; {checkpoint}."


def _progress(state: SweepState, trial: TrialState) -> str:
    curve, metric = trial.curve, state.plan.recipe.metric
    epochs = f"{curve.epoch} of {state.plan.max_epochs} epochs"
    if curve.best is None:
        return f"{epochs}; no {metric}{'' if trial.decision else ' so far'}."
    assert curve.reached is not None
    value, first, last = curve.reached.value, curve.reached.first, curve.reached.last
    span = f"epoch {first}" if first == last else f"epochs {first} to {last}"
    best = f"best {metric_text(curve.best.value)} at epoch {curve.best.epoch}"
    end = f", {metric_text(curve.smoothed_value)} in its last epochs" if curve.objective != "last" else ""
    return f"{epochs}; {metric} {metric_text(value)} ({meaning(state)}: {span}), {best}{end}."


def _curve_lines(trial: TrialState) -> Iterator[str]:
    """How steadily it trained, as far as its epochs show."""
    statistics = curve_statistics(trial.curve)
    trend = metric_text(statistics.trend, trial.curve.best_value, trial.curve.smoothed_value, sign=True)
    measures = [
        (statistics.loss_cv_settled, "training loss CV {:.1%} after warm-up"),
        (statistics.loss_cv_steps, "CV of the steps' losses {:.1%}"),
        (statistics.loss_detrended_cv, "detrended training loss CV {:.1%}"),
        (statistics.value_detrended_cv, "detrended metric CV {:.1%}"),
        (statistics.trend, f"metric trend {trend} per epoch"),
        (statistics.decline or None, "{:.1%} below its peak"),
    ]
    parts = [template.format(value) for value, template in measures if value is not None]
    if statistics.spikes:
        parts.append(f"loss spikes at epochs {', '.join(map(str, statistics.spikes))}")
    if parts:
        words = " (CV: standard deviation as a share of the mean)" if any("CV" in part for part in parts) else ""
        yield f"Curve{words}: {', '.join(parts)}."
    if len(statistics.phases) > 1:
        phases = (
            f"{phase.phase} {phase.first} to {phase.last}: loss {phase.loss_first:.4g} to {phase.loss_last:.4g},"
            f" {phase.loss_mean:.4g} ± {phase.loss_std:.2g}"
            for phase in statistics.phases
        )
        yield f"Phases: {'; '.join(phases)}."
