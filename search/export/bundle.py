"""Writes an export: a configuration in the recipe's own format, with its best checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from search.export.int8 import MODEL, write_int8
from search.export.manifest import ABOUT, about, readme
from search.state.outcome import BestCheckpoint, best_checkpoint, best_first, sound_checkpoint
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.storage.object_store import Storage, retry_until_available
from search.storage.remote_sweep import complete_epochs, download_checkpoint, download_log
from search.sweep.folder import SweepFolder
from search.sweep.uri import is_uri, located
from trainables.atomic import new_folder
from trainables.errors import SteadytuneError
from trainables.recipe import AnyRecipe
from trainables.settings import Settings, parse_stored
from trainables.trial_summary import TrialSummary

WriteWeights = Callable[[AnyRecipe, Settings, Path, Path], Mapping[str, str]]


def check_target(target: Path) -> None:
    """Refuse to replace anything but an older export.

    Raises:
        SteadytuneError: `target` is a file, or a folder with something else in it.
    """
    if target.exists() and not (target / ABOUT).is_file() and not (target.is_dir() and not any(target.iterdir())):
        raise SteadytuneError(
            f"{target}: exists and is no export, so it is not replaced; give another folder with --to"
        )


def recipe_weights(recipe: AnyRecipe, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
    """Call `recipe.weights` in this process. The built-in recipes import torch for it."""
    return recipe.weights(settings, checkpoint, directory)


def export(
    state: SweepState,
    folder: SweepFolder,
    number: int,
    target: Path,
    onnx: bool = False,
    int8: bool = False,
    write_weights: WriteWeights = recipe_weights,
) -> list[Path]:
    """Write configuration `number` to the folder `target`, completely or not at all.

    The export has `settings.yaml` (for `steadytune train --config`), the recipe's native files, the best checkpoint
    and its plain weights (with `onnx` also as ONNX, with `int8` in int8 too), `about.json` (the training's curve,
    versions, data) and a README with the command that re-trains it.

    Args:
        state: of the sweep.
        folder: the sweep's.
        number: the trial of the search.
        target: replaced.
        onnx: see above.
        int8: see above.
        write_weights: called like `recipe_weights`; it may do the same in another process.

    Raises:
        SteadytuneError: there is no such trial; or with `onnx` or `int8`, no checkpoint was kept or the model cannot be
            written.
    """
    chosen = state.trial(number)
    trainings = [trial for trial in state.trials.values() if trial.started.of == number]
    download_best(folder, state.plan.spec.storage, trainings)
    # The best checkpoint may be that of a confirmation: its settings, seed included, are then the exported ones.
    best = best_checkpoint(state, number, folder)
    with new_folder(target) as partial:
        source = best.trial if best else chosen
        write_export(state, folder, source, best, partial, onnx=onnx or int8, int8=int8, write_weights=write_weights)
    return sorted(target.iterdir())


def download_best(folder: SweepFolder, storage_uri: str | None, trainings: Sequence[TrialState]) -> None:
    """Download the best checkpoint of `trainings`, and their logs, into the sweep's folder, if the sweep has a storage.

    No other checkpoint is downloaded: it may be one that the driver has deleted here, but not yet at the storage.
    """
    if not storage_uri:
        return
    storage = retry_until_available(lambda: Storage(storage_uri, folder.name))
    directories = {training.number: folder.trials / f"{training.number:04d}" for training in trainings}

    def fetch() -> None:
        stored = {}
        for number, directory in directories.items():
            download_log(storage, directory)
            stored[number] = complete_epochs(storage, directory)
        for trial, epoch, _ in best_first(trainings):
            if sound_checkpoint(folder, trial, epoch):
                return
            files = stored[trial.number].get(epoch)
            if files and download_checkpoint(storage, directories[trial.number], epoch, files):
                return

    retry_until_available(fetch)


def write_export(
    state: SweepState,
    folder: SweepFolder,
    source: TrialState,
    best: BestCheckpoint | None,
    directory: Path,
    *,
    onnx: bool = False,
    int8: bool = False,
    average_of: Sequence[Mapping[str, Any]] = (),
    write_weights: WriteWeights = recipe_weights,
) -> None:
    """Write the files of an export into the empty folder `directory`.

    Args:
        state: of the sweep.
        folder: the sweep's.
        source: the training whose settings are exported.
        best: its checkpoint to export; None if none was kept.
        directory: exists.
        onnx: see `export`.
        int8: see `export`.
        average_of: the trainings whose average the checkpoint is; empty if it is that of a single training.
        write_weights: see `export`.

    Raises:
        SteadytuneError: see `export`.
    """
    recipe, checkpoint = state.plan.recipe, best.path if best else None
    settings = parse_stored(recipe.settings_type, source.started.settings, recipe.name)
    (directory / "settings.yaml").write_text(
        yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
    )
    native_files = [str(path.relative_to(directory)) for path in recipe.export(settings, directory)]
    trial_directory = folder.trials / f"{source.started.trial:04d}"
    _copy_exported(recipe, trial_directory, directory)
    weights: Mapping[str, str] = {}
    if checkpoint:
        _copy_folder(checkpoint, directory / "checkpoint")
        try:
            weights = write_weights(recipe, settings, directory / "checkpoint", directory)
        except SteadytuneError as error:  # which must not prevent the rest of the export
            weights = {"no plain weights": str(error)}
    if onnx:
        if not checkpoint:
            of = source.started.of
            raise SteadytuneError(f"trial {of} of sweep {folder.name}: no checkpoint was kept, so there is no ONNX")
        weights = {**weights, **recipe.onnx(settings, directory / "checkpoint", directory)}
    if int8:
        if is_uri(state.plan.spec.data):
            raise SteadytuneError("--int8 takes held-out examples, and the sweep's data are not on this machine")
        numbers = write_int8(recipe, settings, Path(located(state.plan.spec.data)), directory)
        weights = {**weights, MODEL: numbers.sentence.removeprefix(f"{MODEL}: ")}
    weights = {**weights, **recipe.sweep_files(settings, located(state.plan.spec.data), _summaries(state), directory)}
    description = about(state.plan.spec, recipe.metric, source, best, trial_directory)
    if average_of:
        description["average_of"] = list(average_of)
    (directory / ABOUT).write_text(json.dumps(description, indent=1), encoding="utf-8")
    (directory / "README.md").write_text(readme(description, native_files, weights), encoding="utf-8")


def _copy_folder(source: Path, target: Path) -> None:
    """Copy a folder of files. `shutil.copytree` has an error of its own, which does not say that a disk is full."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
        else:
            shutil.copy2(path, copy)


def _copy_exported(recipe: AnyRecipe, trial_directory: Path, directory: Path) -> None:
    """Copy the files of the training's folder that the recipe exports. On a cluster they may be on another machine."""
    for pattern in recipe.exported:
        for path in sorted(trial_directory.glob(pattern)):
            target = directory / path.relative_to(trial_directory)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def _summaries(state: SweepState) -> list[TrialSummary]:
    """The trials of the search."""
    summaries = []
    for trial in state.trials.values():
        if trial.is_search:
            values = [point.value for point in trial.curve.evaluated if point.value is not None]
            best = max(values, key=trial.curve.oriented, default=None)
            drawn = [name for name, value in trial.started.drawn.items() if value is not None]
            summary = TrialSummary(trial.number, best, trial.curve.epoch, drawn, trial.started.settings)
            summaries.append(summary)
    return summaries
