"""The best configuration, in the recipe's own format, with its checkpoint."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from search.export.manifest import ABOUT, about, readme
from search.state.outcome import best_checkpoint
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.storage.object_store import Storage, retry_until_available
from search.storage.remote_sweep import download_trial
from search.sweep.folder import SweepFolder
from trainables.errors import SteadytuneError
from trainables.recipe import AnyRecipe
from trainables.settings import Settings, parse


def _weights(recipe: AnyRecipe, settings: Settings, folder: Path) -> Mapping[str, str]:
    """The plain weights written, or why there are none: that is no reason to have no export."""
    try:
        return recipe.weights(settings, folder / "checkpoint", folder)
    except SteadytuneError as error:
        return {"no plain weights": str(error)}


def _bring(state: SweepState, folder: SweepFolder, number: int, uri: str) -> None:
    """Have the folder hold what the storage has of the trainings of configuration `number`."""
    storage = retry_until_available(lambda: Storage(uri, folder.name))
    for trial in state.trials.values():
        if trial.started.of == number:
            own = folder.trials / f"{trial.started.trial:04d}"
            retry_until_available(functools.partial(download_trial, storage, own, range(1, trial.curve.epoch + 1)))


def check_target(target: Path) -> None:
    """Whether an export may take the place of what lies at `target`.

    Raises:
        SteadytuneError: it is a file, or a folder with something else in it.
    """
    if target.exists() and not (target / ABOUT).is_file() and not (target.is_dir() and not any(target.iterdir())):
        raise SteadytuneError(
            f"{target}: exists and is no export, so it is not replaced; give another folder with --to"
        )


def export(state: SweepState, folder: SweepFolder, number: int, target: Path, onnx: bool = False) -> list[Path]:
    """Write configuration `number` to the folder `target`: whole or not at all.

    It holds `settings.yaml` (which `steadytune train --config` takes), the recipe's native files, the best checkpoint
    and its plain weights (and `onnx`, if asked for), `about.json` (the training's curve, versions, data) and a README
    with the command to train it again.

    Raises:
        SteadytuneError: no such trial; ONNX was asked for, but no checkpoint was kept or the model does not allow it.
    """
    chosen = state.trial(number)
    if state.plan.spec.storage:
        _bring(state, folder, number, state.plan.spec.storage)
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _write(state, folder, chosen, partial, onnx)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
    return sorted(target.iterdir())


def _write(state: SweepState, folder: SweepFolder, chosen: TrialState, directory: Path, onnx: bool) -> None:
    number, recipe = chosen.started.trial, state.plan.recipe
    found = best_checkpoint(state, number, folder)
    source = found[0] if found else chosen
    settings = parse(recipe.settings_type, source.started.settings, recipe.name)
    (directory / "settings.yaml").write_text(
        yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
    )
    native = [str(path.relative_to(directory)) for path in recipe.export(settings, directory)]
    plain: Mapping[str, str] = {}
    if found:
        shutil.copytree(found[2], directory / "checkpoint")
        plain = _weights(recipe, settings, directory)
    if onnx:
        if not found:
            raise SteadytuneError(f"trial {number} of sweep {folder.name}: no checkpoint was kept, so there is no ONNX")
        plain = {**plain, **recipe.onnx(settings, directory / "checkpoint", directory)}
    own = folder.trials / f"{source.started.trial:04d}"
    known = about(state.plan.spec, recipe.metric, source, found[1] if found else None, own)
    (directory / ABOUT).write_text(json.dumps(known, indent=1), encoding="utf-8")
    (directory / "README.md").write_text(readme(known, native, plain), encoding="utf-8")
