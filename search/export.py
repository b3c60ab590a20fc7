"""The best configuration, in the recipe's own format, with its checkpoint."""

from __future__ import annotations

import functools
import json
import os
import shutil
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from search.events import SweepEnded
from search.exported import ABOUT, about, readme
from search.folder import SweepFolder
from search.state import SweepState
from search.storage.filesystem import Storage, patiently
from search.storage.stored import bring_trial
from search.trial import TrialState
from trainables.checkpoint import check
from trainables.errors import CheckpointError, SteadytuneError
from trainables.recipe import Recipe
from trainables.settings import Settings, parse


@dataclass(frozen=True)
class Finalist:
    """A configuration with what its trainings on fresh seeds reached.

    Attributes:
        trial: the search trial that found it.
        levels: one level a fresh seed; the search's own level if nothing was confirmed.
        lost: how many of the fresh trainings were lost or never got anywhere.
        confirmed: whether `levels` come from fresh seeds.
    """

    trial: TrialState
    levels: tuple[float, ...]
    lost: int
    confirmed: bool

    @property
    def mean(self) -> float:
        """Mean of the levels."""
        return statistics.fmean(self.levels)

    @property
    def std(self) -> float:
        """Sample standard deviation of the levels; 0 for a single one."""
        return statistics.stdev(self.levels) if len(self.levels) > 1 else 0.0


def finalists(state: SweepState) -> list[Finalist]:
    """The configurations in question, best first: by the mean over fresh seeds, those lost on any seed last."""
    sign = 1.0 if state.plan.recipe.mode == "max" else -1.0
    found = [_finalist(state, number) for number in state.finalists()]
    known = [one for one in found if one is not None]
    if not known:
        known = [Finalist(trial, (trial.curve.level or 0.0,), 0, False) for trial in state.ranking()[:1]]
    return sorted(known, key=lambda one: (one.confirmed, -one.lost, sign * one.mean), reverse=True)


def _finalist(state: SweepState, number: int) -> Finalist | None:
    runs = [run for run in state.confirmations(number) if not run.running]
    levels = tuple(run.curve.level for run in runs if run.finished and run.curve.level is not None)
    if levels:
        return Finalist(state.trials[number], levels, sum(run.lost for run in runs), True)
    own = state.trials[number].curve.level
    return None if own is None else Finalist(state.trials[number], (own,), sum(run.lost for run in runs), False)


def result(state: SweepState) -> SweepEnded:
    """How the sweep ended, for the journal."""
    ranked = finalists(state)
    if not ranked:
        return SweepEnded(-1, "no trial trained to its end, so there is no best configuration")
    best = ranked[0]
    metric = state.plan.recipe.metric
    numbers = {"mean": best.mean, "std": best.std, "seeds": float(len(best.levels))}
    if not best.confirmed:
        return SweepEnded(best.trial.started.trial, f"{metric} {best.mean:.4f} (one training, not confirmed)", numbers)
    detail = f"{metric} {best.mean:.4f} over one fresh seed"
    if len(best.levels) > 1:
        detail = f"{metric} {best.mean:.4f} ± {best.std:.4f} over {len(best.levels)} fresh seeds"
    return SweepEnded(best.trial.started.trial, detail, numbers)


def best_checkpoint(state: SweepState, number: int, folder: SweepFolder) -> tuple[TrialState, int, Path] | None:
    """The best checkpoint on disk of any training of configuration `number`: its trial, epoch and path."""
    found = []
    for trial in state.trials.values():
        if trial.started.of != number or trial.lost:
            continue
        for point in trial.curve.evaluated:
            path = folder.checkpoint(trial.started.trial, point.epoch)
            if path.is_dir() and _sound(path):
                found.append((trial.curve.sign * (point.value or 0.0), trial, point.epoch, path))
    return max(found, key=lambda one: one[0])[1:] if found else None


def _sound(path: Path) -> bool:
    try:
        check(path)
    except CheckpointError:
        return False
    return True


def _weights(recipe: Recipe, settings: Settings, folder: Path) -> Mapping[str, str]:
    """The plain weights written, or why there are none: that is no reason to have no export."""
    try:
        return recipe.weights(settings, folder / "checkpoint", folder)
    except SteadytuneError as error:
        return {"no plain weights": str(error)}


def _bring(state: SweepState, folder: SweepFolder, number: int, uri: str) -> None:
    """Have the folder hold what the storage has of the trainings of configuration `number`."""
    storage = patiently(lambda: Storage(uri, folder.name))
    for trial in state.trials.values():
        if trial.started.of == number:
            own = folder.trials / f"{trial.started.trial:04d}"
            patiently(functools.partial(bring_trial, storage, own, range(1, trial.curve.epoch + 1)))


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
