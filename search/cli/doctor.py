"""The verb `doctor`."""

# Imports inside functions: what is looked at takes seconds to import.

from __future__ import annotations

import sys
from typing import Annotated

import typer

from search.cli.exit_codes import NOTHING_TRAINED
from search.cli.options import DEFAULT_ROOT, Root
from search.sweep.uri import sqlite_store


def doctor(
    store: Annotated[
        str | None, typer.Option(help="MLflow tracking URI; SQLite beside the sweeps if not given")
    ] = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Look at this machine: versions, GPU, memory, disk, ports, MLflow's store, Ray; a line each, with the fix."""
    from search.doctor import examine

    stops = False
    for finding in examine(sweeps, store or sqlite_store(sweeps.absolute() / "mlflow.db")):
        print(finding, flush=True)
        stops = stops or finding.state == "error"
    if stops:
        sys.exit(NOTHING_TRAINED)
