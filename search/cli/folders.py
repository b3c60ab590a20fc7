"""The verbs for whole sweeps: ls, rm, rename."""

# Imports inside functions: MLflow takes seconds, and only the removal of its runs needs it.

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import cluster
from search.cli.options import DEFAULT_ROOT, Json, Root, SweepName
from search.cli.question import ask
from search.cli.status import print_list
from search.stages.progress import refuse_removal, refuse_renaming
from search.stages.stages import StagesFolder
from search.sweep.folder import SweepFolder, check_name, file_size
from search.sweep.uri import sqlite_file
from trainables.errors import SettingsError, SteadytuneError

if TYPE_CHECKING:
    from search.tracking.removal import Removal

Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


def ls(json_: Json = False, sweeps: Root = DEFAULT_ROOT) -> None:
    """List all sweeps: state, trials, best value, size on disk, age."""
    print_list(sweeps, json_)


def rm(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="sweeps to delete")],
    yes: Yes = False,
    keep_runs: Annotated[
        bool, typer.Option("--keep-runs", help="leave MLflow's runs and the registered models as they are")
    ] = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Delete sweeps for good: folder, storage, MLflow's runs, registered models; shows what goes, and asks."""
    names = list(dict.fromkeys(names))
    stages = [series for name in names if (series := StagesFolder(sweeps, name)).exists()]
    of_stages = [spec.name for series in stages for spec in series.read().specs]
    begun = [name for name in of_stages if SweepFolder(sweeps, name).spec_file.is_file()]
    alone = [name for name in names if name not in {series.name for series in stages}]
    folders = [SweepFolder.existing(sweeps, name) for name in dict.fromkeys([*begun, *alone])]
    for folder in folders:
        _check_still(folder)
        refuse_removal(folder, [removed.name for removed in folders])
    removals = {folder.name: None if keep_runs else _removal(folder) for folder in folders}
    for folder in folders:
        print("\n".join(_what_goes(folder, removals[folder.name])))
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("rm asks before it deletes, and nobody can answer here; give --yes")
        ask("Delete all of this for good?", "nothing was deleted")
    for folder in folders:
        with folder.locked(), folder.locked("recorder.lock"):
            if removal := removals[folder.name]:
                removal.remove()
            if uri := folder.spec().storage:
                from search.storage.object_store import open_storage

                open_storage("storage", uri, folder.name).delete_all()
            folder.remove()
        print(f"{folder.name} is deleted")
    for series in stages:
        series.remove()
        print(f"{series.name} is deleted")


def rename(
    name: SweepName,
    new: Annotated[str, typer.Argument(metavar="NEW", help="its new name")],
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Rename a sweep that is not running."""
    folder = SweepFolder.existing(sweeps, name)
    check_name(new)
    refuse_renaming(folder)
    target = SweepFolder(sweeps, new)
    if target.path.exists():
        raise SettingsError(f"the new name is {new}, but {target.path} exists; give another name")
    _check_still(folder)
    if uri := folder.spec().storage:
        raise SteadytuneError(f"sweep {name} has its files at {uri} under its name; it cannot be renamed")
    with folder.locked(), folder.locked("recorder.lock"):
        folder.path.rename(target.path)
        target.change(name=new)
    try:
        from search.tracking.removal import rename_run

        rename_run(target, new)
    except SteadytuneError as error:
        print(f"note: MLflow still shows the old name ({error})")
    print(f"{name} is {new} now")


def _check_still(folder: SweepFolder) -> None:
    """Refuse what may not happen to a sweep that runs."""
    if folder.held:
        raise SteadytuneError(f"sweep {folder.name} is running; first `{folder.command('pause')}`")
    if address := cluster.job_address(folder.name, folder.root):
        from search.execution.jobs import connect

        if connect(address).running(folder.name):
            raise SteadytuneError(f"sweep {folder.name} runs at {address}; first `{folder.command('pause')}`")


def _removal(folder: SweepFolder) -> Removal | None:
    from search.tracking.removal import Removal
    from search.tracking.sweep_id import sweep_id

    return Removal(folder) if sweep_id(folder) else None


def _what_goes(folder: SweepFolder, removal: Removal | None) -> list[str]:
    lines = [f"{folder.name}: {folder.path}, {file_size(folder.size)}"]
    if uri := folder.spec().storage:
        lines.append(f"  storage: {uri}/{folder.name}")
    if removal and removal.recorded.runs:
        store = folder.store(folder.spec())
        until_clean_up = "" if sqlite_file(store) else " (the server keeps deleted runs until its own clean-up)"
        lines.append(f"  MLflow at {store}: {len(removal.recorded.runs)} runs{until_clean_up}")
        for model, version in removal.recorded.versions:
            champion = ", the champion" if model in removal.recorded.champions else ""
            lines.append(f"  registered model {model} version {version}{champion}")
    return lines
