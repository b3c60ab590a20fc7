"""The verbs for MLflow: browse, sync."""

# Imports inside functions: MLflow takes seconds, and only these verbs need it.

from __future__ import annotations

from typing import Annotated

import typer

from search.cli import options
from search.cli.options import DEFAULT_ROOT, Root, SweepName
from search.sweep.data_identity import read_identity
from search.sweep.folder import SweepFolder
from search.sweep.uri import sqlite_store
from search.tracking.browse import serve
from search.tracking.data_names import experiment_names
from search.tracking.store_check import check_store
from search.tracking.sweep_id import sweep_id
from trainables.errors import SteadytuneError


def browse(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="sweep whose MLflow store to open; the store beside the sweeps if not given"
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="port on this machine")] = 5000,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Open MLflow's pages for the sweeps."""
    if name is None:
        serve(sqlite_store(sweeps.absolute() / "mlflow.db"), sweeps.absolute(), port)
        return
    folder = SweepFolder.existing(sweeps, name)
    spec = folder.spec()
    names = experiment_names(spec, read_identity(folder.path))
    serve(folder.store(spec), sweeps.absolute(), port, names, sweep_id(folder))


def sync(name: SweepName, sweeps: Root = DEFAULT_ROOT) -> None:
    """Bring MLflow up to date with a sweep, such as after it could not be reached."""
    from search.state.outcome import best_checkpoint
    from search.tracking.sync import READY, REFUSES
    from search.tracking.sync import sync as write_to_mlflow

    folder = SweepFolder.existing(sweeps, name)
    check_store(folder.store(folder.spec()))
    refused = False

    def tell(message: str) -> None:
        nonlocal refused
        refused = refused or message.startswith(REFUSES)
        if message != READY:
            print(message, flush=True)

    with folder.locked("recorder.lock"):
        if not write_to_mlflow(folder, lambda: True, tell):
            raise SteadytuneError(
                f"sweep {name} could not be written to {folder.store(folder.spec())}; try again later"
            )
    print(f"{name}: MLflow has everything that the journal has{' but what it refuses' if refused else ''}")
    state = options.state(folder)
    if state.ended is None or state.ended.trial < 0 or (folder.best / "checkpoint").is_dir():
        return
    fix = f"write it with {folder.command('export')}, then sync"
    if best_checkpoint(state, state.ended.trial, folder) is None:
        fix = f"none of trial {state.ended.trial} was kept"
    print(f"{folder.best} has no checkpoint, so its model was not registered; {fix}")
