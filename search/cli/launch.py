"""The verbs that run a sweep: launch, resume."""

# Imports inside functions: Ray, PyArrow and Rich take seconds, and `--help` needs none of them.

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from search.cli import background as cli_background
from search.cli import cluster as cli_cluster
from search.cli import options, terminal
from search.cli.exit_codes import NOTHING_TRAINED
from search.cli.interrupt import interruptible, lasting_output
from search.cli.options import DEFAULT_ROOT, Address, Background, Detach, Root, Storage
from search.cli.sweep_options import field_values, with_sweep_options
from search.execution.job_protocol import ERROR_PREFIX
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.sweep.sweep_file import read_sweep, with_bounds
from trainables.errors import SettingsError


@with_sweep_options
def launch(
    file: Annotated[
        Path | None, typer.Argument(help="sweep file (YAML); options override its fields", metavar="SWEEP.yaml")
    ] = None,
    detach: Detach = False,
    background: Background = False,
    sweeps: Root = DEFAULT_ROOT,
    **fields: Any,
) -> None:
    """Run a sweep and export its best configuration."""
    spec = read_sweep(file, field_values(fields))
    if cli_cluster.submits(spec.address, detach):
        _refuse_background(background)
        cli_cluster.submit(spec.name, spec.address, sweeps, spec, detach)
    elif background:
        cli_background.launch(spec, sweeps)
    else:
        _run_sweep(spec.name, sweeps, spec)


def resume(
    name: str,
    address: Address = None,
    detach: Detach = False,
    background: Background = False,
    storage: Storage = None,
    trials: Annotated[int | None, typer.Option(help="trials that the search may start from now on, in all")] = None,
    total_epochs: Annotated[int | None, typer.Option(help="epochs that its trials may take, in all")] = None,
    hours: Annotated[float | None, typer.Option(help="wall-clock hours that the sweep may take, in all")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="range of a searched setting from now on: lr.high=1e-2, lr=1e-3 …"
        ),
    ] = None,
    accept_gap: Annotated[
        bool,
        typer.Option("--accept-gap", help="continue before the damage if files of the journal are missing or damaged"),
    ] = False,
    accept_changed_data: Annotated[
        bool,
        typer.Option(
            "--accept-changed-data", help="go on although the data have changed, with results of both side by side"
        ),
    ] = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Continue a sweep that was interrupted or killed, or give one more to do, also if it has ended."""
    folder = options.folder(sweeps, name, storage)
    given: dict[str, Any] = {"trials": trials, "total_epochs": total_epochs, "hours": hours}
    if set_:
        given["set"] = with_bounds(folder.spec().set, options.pairs(set_, "--set"))
    if budget := {field: value for field, value in given.items() if value is not None}:
        from search.control.reopen import change

        change(folder, budget)
    cluster_address = address or folder.spec().address
    if cli_cluster.submits(cluster_address, detach):
        _refuse_background(background)
        if accept_gap:
            raise SettingsError(
                "--accept-gap repairs the journal on this machine; resume without --detach and --address"
            )
        options_of_job = ["--accept-changed-data"] if accept_changed_data else []
        cli_cluster.submit(name, cluster_address, sweeps, None, detach, folder.spec().storage, options_of_job)
        return
    if address:
        folder.change(address=address)
    if background:
        accepted = {"--accept-gap": accept_gap, "--accept-changed-data": accept_changed_data}
        cli_background.resume(name, sweeps, [option for option, is_given in accepted.items() if is_given])
        return
    _run_sweep(name, sweeps, None, accept_gap=accept_gap, accept_changed_data=accept_changed_data)


def _refuse_background(background: bool) -> None:
    if background:
        raise SettingsError("--background is for this machine; a cluster's job has --detach, leave --background out")


def _run_sweep(name: str, root: Path, new: SweepSpec | None, **accepted: bool) -> None:
    """Run the sweep `new`, or resume `name`, on this machine or the Ray cluster at its address."""
    with lasting_output(), interruptible():
        try:
            _run(name, root, new, **accepted)
        except KeyboardInterrupt:
            if not SweepFolder(root, name).spec_file.is_file():
                raise
            resume_command = options.command("resume", name, root)
            print(f"{ERROR_PREFIX}interrupted; nothing is lost, resume with: {resume_command}", file=sys.stderr)
            sys.exit(130)


def _confirm() -> None:
    typer.confirm("Train all the same?", abort=True)


def _run(name: str, root: Path, new: SweepSpec | None, **accepted: bool) -> None:
    from search.run.shown import run_shown

    def command(verb: str) -> str:
        return options.command(verb, name, root)

    confirm = _confirm if sys.stdin.isatty() else None  # nobody can answer a job, or a sweep in the background
    state = run_shown(name, root, new, terminal.console(), command, confirm=confirm, **accepted)
    if state.ended is None or state.ended.trial < 0:
        sys.exit(NOTHING_TRAINED)
