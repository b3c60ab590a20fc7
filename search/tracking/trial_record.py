"""The names and values of the metrics and tags in the MLflow runs of trials and sweeps.

The names are stable, since users' queries depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from search.journal.events import Decided, EpochDone, SweepEnded, TrialStarted
from search.pruning.curve import Curve
from search.pruning.curve_statistics import CurveStatistics
from search.pruning.decision import FAILURES, STOPPED_EARLY

OBJECTIVE = "objective/value"
"""The metric by which MLflow's table of runs is sorted; a run without it comes last."""

RUN_STATUS = dict.fromkeys({"done", *STOPPED_EARLY}, "FINISHED") | dict.fromkeys(FAILURES, "FAILED")
"""MLflow's status of a run, by the reason of the decision that ended its trial.

A trial that was stopped early is finished too: MLflow shows KILLED by the red cross of FAILED."""


def run_name(event: TrialStarted) -> str:
    """The run's name: the trial's number, and which training it is."""
    name = f"{event.trial:04d}"
    if event.kind != "search":
        return f"{name} {event.kind}s {event.of:04d}"
    return f"{name} {event.named}" if event.named else name


def first_tags(event: TrialStarted) -> dict[str, Any]:
    """The tags of a trial that has just started."""
    return {
        "kind": event.kind,
        "trial": event.trial,
        "of": event.of,
        "named": event.named,
        "status": "running",
        "seed": event.seed,
    }


def epoch_metrics(event: EpochDone, curve: Curve, objective: str) -> dict[str, float]:
    """An epoch's own numbers, and the columns by which MLflow's table of runs is sorted.

    Args:
        event: the epoch.
        curve: of the objective, up to this epoch or further.
        objective: the metric's name.
    """
    columns = {
        "loss/train_std": event.spread,
        OBJECTIVE: curve.objective_by(event.epoch),
        "objective/last": event.metrics.get(objective),
        "objective/best": curve.best_by(event.epoch),
        "objective/steady": curve.smoothed_by(event.epoch),
    }
    return {
        **event.metrics,
        **{f"loss/{name}": value for name, value in event.losses.items()},
        **{f"rate/{name}": value for name, value in event.rates.items()},
        **{f"seconds/{name}": value for name, value in event.seconds.items()},
        "epochs": float(event.epoch),
        **{name: value for name, value in columns.items() if value is not None},
    }


def result_metrics(event: SweepEnded) -> dict[str, float]:
    """The numbers of a sweep's result. Its mean is also the sweep's objective; a sweep without a winner has none."""
    return event.numbers | ({OBJECTIVE: event.numbers["mean"]} if "mean" in event.numbers else {})


def last_tags(
    event: Decided, curve: Curve, statistics: CurveStatistics, environment: Mapping[str, Any]
) -> dict[str, str]:
    """The tags of a trial that has ended: the decision and its numbers, the curve's statistics, the machine."""
    tags = {"status": "done" if event.reason == "done" else "stopped"}
    tags |= {"reason": event.reason, "detail": event.detail}
    tags |= {f"decision.{name}": _short(value) for name, value in event.numbers.items()}
    numbers = {name: value for name, value in asdict(statistics).items() if isinstance(value, float)}
    tags |= {f"steadiness.{name}": f"{value:.4g}" for name, value in numbers.items()}
    if curve.epoch:
        tags["steadiness.spikes"] = " ".join(map(str, statistics.spikes))
    for name in ("commit", "host", "gpus", "data_fingerprint"):
        if environment.get(name):
            tags[name] = str(environment[name])
    tags |= {f"version.{name}": version for name, version in environment.get("versions", {}).items()}
    return tags


def _short(value: float) -> str:
    """A whole number as it is, another with four digits."""
    return f"{value:.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.4g}"
