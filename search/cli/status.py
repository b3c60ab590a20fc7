"""The verb `status`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli import cluster as cli_cluster
from search.cli import options
from search.cli.options import DEFAULT_ROOT, Address, Json, Root, Storage

if TYPE_CHECKING:
    from search.state.sweep_state import SweepState
    from search.sweep.folder import SweepFolder


def _seen(folder: SweepFolder) -> SweepState | Exception:
    """One sweep of a list; one that cannot be looked at is no reason not to see the others."""
    from trainables.errors import SteadytuneError

    try:
        return options.state(folder)
    except (SteadytuneError, PermissionError) as error:
        return error


def _line(folder: SweepFolder) -> str:
    from search.views.status_table import status_line

    state = _seen(folder)
    if isinstance(state, Exception):
        return f"{folder.name}: cannot be looked at; {state}"
    return status_line(state, folder.name, _standing(folder, state))


def _object(folder: SweepFolder) -> dict[str, Any]:
    from search.views.explain import sweep_json

    state = _seen(folder)
    if isinstance(state, Exception):
        return {"name": folder.name, "state": "unreadable", "error": str(state)}
    return sweep_json(state, folder.name)


def _standing(folder: SweepFolder, state: SweepState) -> str:
    if state.ended is not None:
        return "ended"
    if cli_cluster.submits(state.plan.spec.address, detach=False):
        return "open"  # its job tells
    return "running" if folder.held else "interrupted"


def status(
    name: Annotated[str | None, typer.Argument(help="sweep; all of them if not given")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="keep showing it until it ends")] = False,
    json_: Json = False,
    address: Address = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Show how a sweep stands."""
    if name and address:
        cli_cluster.show(name, address)
        return
    from search.state.follower import SweepFollower
    from search.sweep.folder import SweepFolder, names
    from search.views.explain import sweep_json
    from search.views.status_table import MOST_ROWS, status_table

    console = options.console()
    if name is None:
        folders = [SweepFolder(sweeps, each) for each in names(sweeps)]
        if json_:
            print(json.dumps([_object(folder) for folder in folders], indent=2))
        elif not folders:
            console.print(f"No sweeps in {sweeps.absolute()}")
        for folder in () if json_ else folders:
            console.print(_line(folder), markup=False)
        return
    folder = options.folder(sweeps, name, storage)
    onlooker = SweepFollower(folder)
    state = onlooker.look()
    if json_:
        print(json.dumps(sweep_json(state, name), indent=2))
        return
    if watch and console.is_terminal:
        from rich.live import Live

        with Live(status_table(state, name), console=console, auto_refresh=False) as live:
            while state.ended is None:
                time.sleep(1)
                state = onlooker.look()
                live.update(status_table(state, name), refresh=True)
        return
    console.print(status_table(state, name, MOST_ROWS))
    if len(state.trials) > MOST_ROWS:
        console.print(f"All trials: {options.command('status', name, sweeps)} --json")
    if state.ended is None and cli_cluster.submits(state.plan.spec.address, detach=False):
        console.print(cli_cluster.standing(name, str(state.plan.spec.address)))
    elif state.ended is None and not folder.held:
        console.print(f"It does not run on this machine now; go on with: {options.command('resume', name, sweeps)}")
