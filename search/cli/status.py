"""The verb `status`: one line per sweep, or one sweep as a table, live or as JSON."""

# Imports inside functions: reading a journal needs PyArrow and Rich, which `--help` does not load.

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from search.cli import cluster, options, terminal
from search.cli.options import DEFAULT_ROOT, Address, Json, Root, Storage
from search.stages.stages import StagesFolder
from search.sweep.folder import SweepFolder, age, file_size, names
from trainables.errors import SettingsError, SteadytuneError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from search.state.follower import SweepFollower
    from search.state.sweep_state import SweepState

View = TypeVar("View")


def status(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="sweep; one line for each sweep if not given")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="refresh the table until the sweep ends")] = False,
    json_: Json = False,
    address: Address = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Show the state of a sweep, or of all sweeps."""
    if name and address:
        cluster.show(name, address)
        return
    if watch and (json_ or name is None):
        instead = "one sweep; give its name" if name is None else "a terminal; leave out --json"
        raise SettingsError(f"--watch is for {instead}")
    _check_root(sweeps)
    if name is None:
        print_list(sweeps, json_)
        return
    if (stages := StagesFolder(sweeps, name)).exists():
        _print_stages(stages, json_)
        return
    folder = options.folder(sweeps, name, storage)
    from search.state.follower import SweepFollower

    follower = SweepFollower(folder)
    console = terminal.console()
    if json_:
        from search.views.explain import sweep_json

        print(json.dumps(sweep_json(follower.read(), name), indent=2))
    elif watch and console.is_terminal:
        _watch(follower, folder, console)
    else:
        _print_table(follower.read(), folder, console)


def _print_stages(stages: StagesFolder, as_json: bool) -> None:
    """Print a line for each stage, in their order."""
    folders = [SweepFolder(stages.root, spec.name) for spec in stages.read().specs]
    if as_json:
        begun = [folder for folder in folders if folder.spec_file.is_file()]
        print(json.dumps([_sweep_json(folder) for folder in begun], indent=2))
        return
    for folder in folders:
        print(_status_line(folder) if folder.spec_file.is_file() else f"{folder.name}: not begun")


def _check_root(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise SettingsError(f"--sweeps is {root}; it is no folder, give the one that holds the sweeps")


def print_list(root: Path, as_json: bool) -> None:
    """Print all sweeps of the folder, oldest first: a line for each."""
    _check_root(root)
    folders = [SweepFolder(root, name) for name in names(root)]
    if as_json:
        print(json.dumps(list(_of_each(folders, _sweep_json)), indent=2))
    else:
        lines = list(_of_each(folders, _list_line))
        print("\n".join(lines or [f"No sweeps in {root.absolute()}"]))


def _of_each(folders: Iterable[SweepFolder], view: Callable[[SweepFolder], View]) -> Iterator[View]:
    """The `view` of each sweep, without those that another process deletes meanwhile."""
    for folder in folders:
        with suppress(FileNotFoundError):
            viewed = view(folder)
            if folder.spec_file.is_file():
                yield viewed


def _list_line(folder: SweepFolder) -> str:
    return f"{_status_line(folder)} ({file_size(folder.size)}, {age(time.time() - folder.changed)} ago)"


def _watch(follower: SweepFollower, folder: SweepFolder, console: Console) -> None:
    """The table, refreshed every second until the sweep ends."""
    from rich.live import Live

    from search.views.live_view import live_view

    def view() -> RenderableType:
        return live_view(state, folder.name, console, _stands_still(folder, state))

    state = follower.read()
    with Live(view(), console=console, auto_refresh=False) as live:
        while state.ended is None:
            time.sleep(1)
            state = follower.read()
            live.update(view(), refresh=True)


def _print_table(state: SweepState, folder: SweepFolder, console: Console) -> None:
    """The table once, with what to do next if the sweep is not running here."""
    from search.views.live_view import progress_line
    from search.views.status_table import MOST_ROWS, status_table

    interrupted = _stands_still(folder, state)
    console.print(status_table(state, folder.name, MOST_ROWS, console.width, interrupted=interrupted))
    if state.ended is None and state.trials and not interrupted:
        console.print(progress_line(state))
    if len(state.trials) > MOST_ROWS:
        console.print(f"All trials: {folder.command('status', '--json')}")
    if state.ended is not None:
        return
    job_address = state.plan.spec.address
    if job_address and cluster.submits(job_address, detach=False):
        console.print(cluster.job_status(folder.name, job_address))
    elif not folder.held:
        console.print(f"It is not running on this machine; resume with: {folder.command('resume')}")


def _readable_state(folder: SweepFolder) -> SweepState | Exception:
    """The state of one sweep in a list; one that cannot be read must not hide the others."""
    try:
        return options.state(folder)
    except (SteadytuneError, PermissionError) as error:
        return error


def _status_line(folder: SweepFolder) -> str:
    from search.views.status_table import status_line

    state = _readable_state(folder)
    if isinstance(state, Exception):
        return f"{folder.name}: cannot be read; {state}"
    return status_line(state, folder.name, _condition(folder, state))


def _sweep_json(folder: SweepFolder) -> dict[str, Any]:
    from search.views.explain import sweep_json

    state = _readable_state(folder)
    if isinstance(state, Exception):
        return {"name": folder.name, "state": "unreadable", "error": str(state)}
    return sweep_json(state, folder.name) | {"bytes": folder.size, "changed": folder.changed}


def _condition(folder: SweepFolder, state: SweepState) -> str:
    if state.ended is not None:
        return "ended"
    if cluster.submits(state.plan.spec.address, detach=False):
        return "open"  # whether it runs, only its job tells: a request to the cluster for each line would be slow
    return "running" if folder.held else "interrupted"


def _stands_still(folder: SweepFolder, state: SweepState) -> bool:
    """Whether an open sweep surely does not run: one on a cluster or with a storage may run on another machine."""
    spec = state.plan.spec
    return _condition(folder, state) == "interrupted" and not spec.address and not spec.storage
