"""The folder of one training: its settings, and the checkpoints that stay."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.pruning.curve import Point
from search.sweep.environment import write_environment
from search.training.record import TABLE
from trainables import checkpoint
from trainables.atomic import write_file
from trainables.errors import CheckpointError, SettingsError
from trainables.recipe import AnyRecipe, Epoch
from trainables.settings import Settings, parse_stored, read_yaml, to_yaml

SETTINGS = "settings.yaml"
BEST, LAST = "best", "last"
"""Links to checkpoints."""
DEFAULT_PRESET = "paper"
"""Of recipes with several."""


class TrainingFolder:
    """The folder, made if needed.

    Args:
        path: of the folder.
        resumes: whether an earlier training is continued.

    Raises:
        SettingsError: it cannot be written, or holds a training that is not continued.
    """

    def __init__(self, path: Path, resumes: bool) -> None:
        self.path, self.checkpoints = path, path / "checkpoints"
        if not resumes and (path / TABLE).exists():
            last = path / LAST  # not there if the training was lost before its first checkpoint
            fix = f"continue that one with --resume {last}" if last.exists() else "delete that one"
            raise SettingsError(f"--out is {path}; it holds a training ({TABLE}): give another folder, or {fix}")
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"cannot be written ({str(error.strerror).lower()}); give a folder"
            raise SettingsError(f"--out is {path}; {reason}") from None
        self._earlier = set(checkpoint.by_epoch(self.checkpoints)) if resumes else set()

    def begin(self, settings: Settings, fingerprint: str) -> None:
        """Write the complete settings, for `--config`, and the environment with the fingerprint of the data."""
        write_file(self.path / SETTINGS, to_yaml(settings))
        write_environment(self.path, settings.model_dump(mode="json"), fingerprint)

    def keep(self, epoch: Epoch, best: Point | None, from_the_start: bool) -> None:
        """Write the checkpoint of `epoch`, and remove those that are neither the newest nor of the best epoch.

        Args:
            epoch: which was trained.
            best: of the epochs that are known.
            from_the_start: whether these are all. If not, one from before the resume may be better: they stay.
        """
        _link(self.path / LAST, checkpoint.write(self.checkpoints, epoch.epoch, epoch.save))
        saved = checkpoint.by_epoch(self.checkpoints)
        if best is not None and best.epoch in saved:
            _link(self.path / BEST, saved[best.epoch])
        needed = {best.epoch if best else epoch.epoch, epoch.epoch} | (set() if from_the_start else self._earlier)
        for number, path in saved.items():
            if number not in needed:
                checkpoint.remove(path)


def _link(link: Path, target: Path) -> None:
    """Let `link` point to `target`, in place of what it pointed to."""
    new = link.with_name(f".{link.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
    os.replace(new, link)


def check_resume(directory: Path) -> None:
    """Check that `directory` is a checkpoint that is whole.

    Raises:
        CheckpointError: it is not.
    """
    if not directory.is_dir():
        raise CheckpointError(f"resume is {directory}; no such checkpoint directory, give one such as epoch-0007")
    if not any(path.is_file() for path in directory.glob("state.*")):
        raise CheckpointError(f"resume is {directory}; it holds no state, so give a checkpoint such as epoch-0007")
    checkpoint.check(directory)


def settings_of(
    recipe: AnyRecipe, preset: str | None, training: str | None, values: Mapping[str, Any], resume: Path | None
) -> Settings:
    """The settings of a training; see `search.training.run.TrainingRequest`.

    A resume without a preset and a named training has those of its checkpoint, with `values` on top.

    Raises:
        SettingsError: a name is unknown, or a value wrong.
        CheckpointError: the checkpoint is of another recipe.
    """
    if resume is not None and preset is None and training is None and (resume / SETTINGS).is_file():
        file = resume / SETTINGS
        try:
            stored: Settings = parse_stored(recipe.settings_type, read_yaml(file), str(file))
        except SettingsError as error:
            raise CheckpointError(f"{resume}: was not written by recipe {recipe.name} ({error})") from None
        return parse_stored(type(stored), {**stored.model_dump(), **values}, recipe.name)
    default = next(iter(recipe.presets)) if len(recipe.presets) == 1 else DEFAULT_PRESET
    chosen: Settings = recipe.settings(preset or default, values, training)
    return chosen
