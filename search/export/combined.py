"""The fresh seeds of a configuration as one model: the average of their weights, or all of them as an ensemble.

AVERAGE/                   an export whose checkpoint is the average
ENSEMBLE/about.json        its members
ENSEMBLE/members/seed-N/   an export of each
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search.export.bundle import download_best, write_export
from search.export.manifest import ABOUT, MEMBERS, ensemble_readme
from search.state.outcome import BestCheckpoint, seed_checkpoints
from search.state.sweep_state import SweepState
from search.storage.dataset_cache import fetch
from search.sweep.folder import SweepFolder
from search.sweep.uri import is_uri, located
from trainables import checkpoint
from trainables.atomic import new_folder
from trainables.errors import SteadytuneError
from trainables.objective import Objective
from trainables.settings import parse_stored


def export_average(state: SweepState, folder: SweepFolder, number: int, target: Path, onnx: bool = False) -> list[Path]:
    """Write the average of configuration `number`'s fresh seeds to the folder `target`, completely or not at all.

    It has the files of `search.export.bundle.export`; the settings are those of the best seed, and `about.json` names
    the trainings that were averaged. Its value is what evaluating the average on the whole held-out split gives.

    Raises:
        SteadytuneError: fewer than two seeds' checkpoints were kept, or the recipe averages none.
    """
    seeds = _seeds(state, folder, number)
    recipe, best = state.plan.recipe, seeds[0]
    settings = parse_stored(recipe.settings_type, best.trial.started.settings, recipe.name)
    with new_folder(target) as partial, TemporaryDirectory() as scratch:
        path = checkpoint.write(
            Path(scratch),
            best.epoch,
            lambda directory: recipe.average(settings, [seed.path for seed in seeds], directory),
        )
        value = _evaluated(state, settings, path)
        averaged = replace(best, path=path, value=value)
        write_export(state, folder, best.trial, averaged, partial, onnx=onnx, average_of=_described(seeds))
    return sorted(target.iterdir())


def export_ensemble(
    state: SweepState, folder: SweepFolder, number: int, target: Path, onnx: bool = False
) -> list[Path]:
    """Write configuration `number`'s fresh seeds as an ensemble to the folder `target`, completely or not at all.

    Raises:
        SteadytuneError: fewer than two seeds' checkpoints were kept.
    """
    seeds = _seeds(state, folder, number)
    spec, names = state.plan.spec, [f"seed-{seed.trial.started.seed}" for seed in seeds]
    with new_folder(target) as partial:
        for name, seed in zip(names, seeds, strict=True):
            member = partial / MEMBERS / name
            member.mkdir(parents=True)
            write_export(state, folder, seed.trial, seed, member, onnx=onnx)
        about = {
            **{"sweep": spec.name, "recipe": spec.recipe, "declaration": spec.declaration, "trial": number},
            **{"metric": state.plan.recipe.metric, "data": located(spec.data) if spec.data else "", MEMBERS: names},
        }
        (partial / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        (partial / "README.md").write_text(ensemble_readme(about, _described(seeds)), encoding="utf-8")
    return sorted(target.iterdir())


def _seeds(state: SweepState, folder: SweepFolder, number: int) -> list[BestCheckpoint]:
    for training in state.trials.confirmations(number):
        download_best(folder, state.plan.spec.storage, [training])
    seeds = seed_checkpoints(state, number, folder)
    if len(seeds) < 2:
        raise SteadytuneError(
            f"trial {number} of sweep {folder.name}: {len(seeds)} of its fresh seeds have a checkpoint, and it takes"
            " two; a sweep keeps them with `combine_seeds: true`, if it confirms on several (`confirm_seeds`)"
        )
    return seeds


def _described(seeds: Sequence[BestCheckpoint]) -> list[dict[str, Any]]:
    return [
        {"trial": seed.trial.number, "seed": seed.trial.started.seed, "epoch": seed.epoch, "value": seed.value}
        for seed in seeds
    ]


def _evaluated(state: SweepState, settings: Any, path: Path) -> float:
    """The metric of a checkpoint on the whole held-out split."""
    spec, recipe = state.plan.spec, state.plan.recipe
    data = fetch(spec.data, math.inf).path if is_uri(spec.data) else Path(located(spec.data))
    with TemporaryDirectory() as workdir:
        metrics = recipe.evaluate(settings, recipe.open(data), Path(workdir), path)
    return (spec.metric or Objective(name=recipe.metric)).with_value(metrics, recipe.name)[recipe.metric]
