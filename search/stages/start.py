"""What a sweep starts from: the best checkpoint of an earlier sweep's winner, which must not change any more."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from search.export.manifest import read_about
from search.state.follower import SweepFollower
from search.sweep.earlier_stage import EarlierStage
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from trainables import registry
from trainables.errors import CheckpointError, SettingsError, SteadytuneError
from trainables.start import start_digest, start_settings


def started(spec: SweepSpec, root: Path) -> SweepSpec:
    """A new sweep `spec` with the settings that make it start where it says, and with what that is.

    Raises:
        SteadytuneError: there is no such sweep in `root`, it has not ended, has no winner or no checkpoint of it, is of
            another recipe, or `spec` says by itself where trainings start.
    """
    if spec.earlier_stages:
        raise SettingsError(f"earlier_stages of sweep {spec.name} is what launch fills in; leave it out")
    if spec.starts_from is None:
        return spec
    folder = SweepFolder.existing(root, spec.starts_from, "starts_from: ")
    earlier = folder.spec()
    if earlier.recipe != spec.recipe:
        raise SettingsError(
            f"starts_from names sweep {folder.name}, which trained {earlier.recipe}; it must have trained {spec.recipe}"
        )
    refuse_storage(spec)
    ended = SweepFollower(folder).read().ended
    if ended is None:
        fix = "launch this one when it has" if folder.held else f"first `{folder.command('resume')}`"
        raise SteadytuneError(f"starts_from names sweep {folder.name}, which has not ended; {fix}")
    if ended.trial < 0:
        raise SteadytuneError(
            f"starts_from names sweep {folder.name}, which has no winner ({ended.detail}), so nothing can start from it"
        )
    about = read_about(folder.best, "trial", "checkpoint_epoch")
    if not about["checkpoint_epoch"]:
        raise CheckpointError(f"no checkpoint of the winner of sweep {folder.name} was kept; raise keep_checkpoints")
    settings = start_settings(registry.find(spec.recipe, spec.declaration), folder.best)
    refuse_own_start(spec, settings)
    stage = EarlierStage(
        sweep=folder.name,
        data=earlier.data,
        trial=ended.trial,
        result=ended.detail,
        trained_by=about["trial"],
        epoch=about["checkpoint_epoch"],
        digest=start_digest(folder.best, settings),
    )
    changed = {"set": {**spec.set, **settings}, "earlier_stages": [*earlier.earlier_stages, stage]}
    return spec.model_copy(update=changed)


def refuse_own_start(spec: SweepSpec, names: Collection[str]) -> None:
    """Refuse a sweep that starts from another one and also sets one of `names`, which say where trainings start.

    Raises:
        SettingsError: it does.
    """
    for name in spec.set:
        if name in names:
            raise SettingsError(
                f"set.{name} of sweep {spec.name} says where trainings start, and so does its start from "
                f"{spec.starts_from}; leave one out"
            )


def refuse_storage(spec: SweepSpec) -> None:
    """Refuse a start that the nodes cannot read.

    Raises:
        SettingsError: the nodes of `spec` do not share the folder of the sweeps.
    """
    if spec.storage:
        raise SettingsError(
            f"sweep {spec.name} starts from {spec.starts_from}, whose checkpoint all nodes must read in the folder of "
            "the sweeps; share that folder, and leave storage out"
        )


def check_start(spec: SweepSpec, root: Path) -> None:
    """Check that what the sweep `spec` in `root` started from is still the same.

    Raises:
        CheckpointError: it has changed, or is not there any more.
    """
    if spec.starts_from is None or not spec.earlier_stages:
        return
    stage = spec.earlier_stages[-1]
    best = SweepFolder(root, spec.starts_from).best
    settings = start_settings(registry.find(spec.recipe, spec.declaration), best)
    for name, value in settings.items():
        if not _same(spec.set.get(name), value):
            raise CheckpointError(
                f"sweep {spec.name} started from {spec.set.get(name)}, but the export of sweep {stage.sweep} is {best};"
                " move or rename it back"
            )
    if start_digest(best, settings) != stage.digest:
        raise CheckpointError(
            f"{best}: is not what sweep {spec.name} started from (trial {stage.trial} of {stage.sweep}, epoch "
            f"{stage.epoch}); restore it, or launch a new sweep"
        )


def _same(setting: Any, other: Any) -> bool:
    """Whether two settings are equal, or paths of the same file: a folder may be given with `..` or by a link."""
    paths = isinstance(setting, str) and isinstance(other, str)
    return bool(setting == other or (paths and Path(setting).resolve() == Path(other).resolve()))
