"""The description of an export, `about.json`, by which it can be re-trained and checked; and its README."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search.pruning.curve import Curve
from search.state.outcome import BestCheckpoint
from search.state.trial_state import TrialState
from search.sweep.environment import read_environment
from search.sweep.spec import COMMAND, SweepSpec
from search.sweep.uri import located
from trainables.errors import SteadytuneError
from trainables.json_file import read_json
from trainables.metric_text import metric_text

ABOUT = "about.json"
MEMBERS = "members"
"""The key of the members in an ensemble's `about.json`, and the name of their folder."""


def about(
    spec: SweepSpec, metric: str, trial: TrialState, checkpoint: BestCheckpoint | None, directory: Path
) -> dict[str, Any]:
    """The contents of `about.json`.

    Args:
        spec: the sweep.
        metric: the objective's name.
        trial: the training whose settings and checkpoint are exported.
        checkpoint: the exported one; None if there is none.
        directory: the training's folder in the sweep, where its process wrote its environment.
    """
    environment = read_environment(directory)
    environment.pop("settings", None)
    return {
        "sweep": spec.name,
        "recipe": spec.recipe,
        "declaration": spec.declaration,
        "metric": metric,
        "data": located(spec.data) if spec.data else "",
        "trial": trial.started.trial,
        "confirms": trial.started.of if trial.started.kind == "confirm" else None,
        "threads": max(1, int(spec.cpus)),
        "checkpoint_epoch": checkpoint.epoch if checkpoint else None,
        "checkpoint_value": checkpoint.value if checkpoint else None,
        "objective": spec.objective,
        "earlier_stages": [str(stage) for stage in spec.earlier_stages],
        "objective_value": trial.curve.objective_value,
        "settings": trial.started.settings,
        "curve": _curve(trial.curve, metric),
        "environment": environment,
    }


def _curve(curve: Curve, metric: str) -> list[dict[str, Any]]:
    """One row per epoch: the losses and the objective, null where there is none or it is not finite."""
    return [
        {
            "epoch": point.epoch,
            "train": _finite(point.loss),
            "val": _finite(point.held_out),
            metric: _finite(point.value),
        }
        for point in curve.points
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def read_about(folder: Path, *required: str) -> dict[str, Any]:
    """The contents of `about.json` in the export `folder`, with at least the keys `required`.

    Raises:
        SteadytuneError: `folder` is no export, or a damaged one.
    """
    path = folder / ABOUT
    if not path.is_file():
        raise SteadytuneError(f"{folder}: holds no {ABOUT}, so it is no export; write one with `steadytune export`")
    contents = read_json(path, "it is damaged, so export again")
    if not isinstance(contents, dict):
        raise SteadytuneError(f"{path}: is damaged (it holds a {type(contents).__name__}); export again")
    if missing := [name for name in required if name not in contents]:
        raise SteadytuneError(f"{path}: is damaged (it has no {missing[0]}); export again")
    return contents


def ensemble_readme(about: Mapping[str, Any], seeds: Sequence[Mapping[str, Any]]) -> str:
    """The README of an ensemble.

    Args:
        about: the contents of its `about.json`.
        seeds: its members, as `average_of` has those of an average.
    """
    return "\n".join(
        [
            f"# {about['recipe']}: ensemble of trial {about['trial']} of sweep {about['sweep']} on fresh seeds",
            "",
            "Use it: `steadytune predict . PICTURES`. Every member is asked, so it takes as many times as long as one.",
            "",
            f"Each folder in `{MEMBERS}/` is an export of its own: {', '.join(map(_training, seeds))}.",
            "",
            "Prove it: `steadytune prove . --epochs 2` proves each member.",
            "",
        ]
    )


def _training(seed: Mapping[str, Any]) -> str:
    """A training by its number, with its seed and what it reached."""
    return f"training {seed['trial']} (seed {seed['seed']}, epoch {seed['epoch']}: {metric_text(seed['value'])})"


def readme(about: dict[str, Any], files: list[str], weights: Mapping[str, str]) -> str:
    """The README of an export: what it is, the command that re-trains it, and what each file is.

    Args:
        about: the contents of `about.json`.
        files: the recipe's native files.
        weights: files of weights, each with what it is.
    """
    source = f"trial {about['trial']} of sweep {about['sweep']}"
    epoch = about["checkpoint_epoch"]
    value = about.get("checkpoint_value")
    gives = "" if value is None else f", where {about['metric']} was {metric_text(value)}"
    checkpoint = (
        f"`checkpoint/` is its best one, of epoch {epoch}{gives}." if epoch else "No checkpoint of it was kept."
    )
    if "average_of" in about:
        reached = "" if value is None else f", which reach {about['metric']} {metric_text(value)}"
        trainings = ", ".join(map(_training, about["average_of"]))
        checkpoint = f"`checkpoint/` has the average of the weights of {trainings}{reached}."
    train = ["steadytune", "train", about["recipe"], "--config", "settings.yaml", "--data", about["data"]]
    data = f"{about['data']} {about['environment'].get('data_fingerprint', '')[:16]}".strip() or "none named"
    is_script = about["recipe"] == COMMAND
    return "\n".join(
        [
            f"# {about['recipe']}: {source}",
            "",
            "Re-train it: the lines in `command.txt`" if is_script else f"Re-train it: `{shlex.join(train)}`",
            "",
            f"Prove it: `steadytune prove . --epochs 2` re-trains from these files alone and compares with `{ABOUT}`.",
            "",
            *(line for stage in about.get("earlier_stages", []) for line in (f"Started from {stage}.", "")),
            f"{checkpoint} Native files: {', '.join(files) or 'none'}. Data set: {data}",
            "",
            *(line for name, description in weights.items() for line in (f"{name}: {description}", "")),
        ]
    )
