"""What an export says of itself: `about.json`, from which it can be trained again and checked."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.pruning.curve import Curve
from search.state.trial_state import TrialState
from search.sweep.environment import left
from search.sweep.spec import SweepSpec
from search.sweep.uri import located
from trainables.errors import SteadytuneError

ABOUT = "about.json"


def about(spec: SweepSpec, metric: str, trial: TrialState, epoch: int | None, own: Path) -> dict[str, Any]:
    """Everything that is known of an exported training.

    Args:
        spec: of the sweep.
        metric: the objective's name.
        trial: the training whose settings and checkpoint are exported.
        epoch: of the checkpoint; None if there is none.
        own: the training's folder in the sweep, where its process left its environment.
    """
    environment = left(own)
    environment.pop("settings", None)
    return {
        "sweep": spec.name,
        "recipe": spec.recipe,
        "metric": metric,
        "data": located(spec.data),
        "trial": trial.started.trial,
        "confirms": trial.started.of if trial.started.kind == "confirm" else None,
        "threads": max(1, int(spec.cpus)),
        "checkpoint_epoch": epoch,
        "settings": trial.started.settings,
        "curve": _curve(trial.curve, metric),
        "environment": environment,
    }


def _curve(curve: Curve, metric: str) -> list[dict[str, Any]]:
    """One row an epoch: the losses and the objective, null where there was none or it was not finite."""
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


def read_about(folder: Path, *needed: str) -> dict[str, Any]:
    """What `folder`'s `about.json` says; it says at least what is `needed`.

    Raises:
        SteadytuneError: no export there, or a damaged one.
    """
    path = folder / ABOUT
    if not path.is_file():
        raise SteadytuneError(f"{folder}: holds no {ABOUT}, so it is no export; write one with `steadytune export`")
    try:
        known = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise SteadytuneError(f"{path}: is damaged ({error}); export again") from None
    if lacking := [name for name in needed if name not in known]:
        raise SteadytuneError(f"{path}: is damaged (it has no {lacking[0]}); export again")
    return known


def readme(known: dict[str, Any], files: list[str], weights: Mapping[str, str]) -> str:
    """The README of an export: what it is, the one command to train it again, and what each file of weights is."""
    where = f"trial {known['trial']} of sweep {known['sweep']}"
    checkpoint = known["checkpoint_epoch"]
    kept = f"`checkpoint/` is its best one, of epoch {checkpoint}." if checkpoint else "No checkpoint of it was kept."
    train = ["steadytune", "train", known["recipe"], "--config", "settings.yaml", "--data", known["data"]]
    fingerprint = known["environment"].get("data_fingerprint", "")
    return "\n".join(
        [
            f"# {known['recipe']}: {where}",
            "",
            f"Train it again: `{shlex.join(train)}`",
            "",
            f"Prove it: `steadytune prove . --epochs 2` trains from these files alone and compares with `{ABOUT}`.",
            "",
            f"{kept} Native files: {', '.join(files) or 'none'}. Data set: {known['data']} {fingerprint[:16]}".rstrip(),
            "",
            *(line for name, what in weights.items() for line in (f"{name}: {what}", "")),
        ]
    )
