"""The verbs that run a sweep: launch, resume."""

# Imports inside functions: Ray, PyArrow and Rich take seconds, and `--help` needs none of them.

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli import background as cli_background
from search.cli import cluster as cli_cluster
from search.cli import options, terminal
from search.cli.exit_codes import INTERRUPTED, NOTHING_TRAINED
from search.cli.interrupt import interruptible, lasting_output, leave
from search.cli.options import DEFAULT_ROOT, Address, Background, Detach, Root, Storage, SweepName
from search.cli.question import ask
from search.cli.sweep_options import field_values, with_sweep_options
from search.execution.job_protocol import ERROR_PREFIX
from search.next_step import command
from search.stages.stages import Stages, StagesFolder, read_file
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.sweep.sweep_file import with_bounds
from trainables.errors import SettingsError

if TYPE_CHECKING:
    from search.state.sweep_state import SweepState


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
    described = read_file(file, field_values(fields))
    if isinstance(described, Stages):
        _launch_stages(described, sweeps, detach or background)
        return
    spec = described
    if cli_cluster.submits(spec.address, detach):
        _check_job(background)
        cli_cluster.submit(spec.name, spec.address, sweeps, spec, detach)
    elif background:
        cli_background.launch(spec, sweeps)
    else:
        _run_sweep(spec.name, sweeps, spec)


def resume(
    name: SweepName,
    address: Address = None,
    detach: Detach = False,
    background: Background = False,
    storage: Storage = None,
    trials: Annotated[int | None, typer.Option(help="new limit on its trials, counted from the launch")] = None,
    total_epochs: Annotated[int | None, typer.Option(help="new limit on its epochs, counted from the launch")] = None,
    hours: Annotated[float | None, typer.Option(help="new limit on its hours, counted from the launch")] = None,
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
            "--accept-changed-data", help="continue although the data have changed; results on both are then mixed"
        ),
    ] = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Continue a sweep that was interrupted or killed, or give a sweep more to do, even if it has ended."""
    if (stages := StagesFolder(sweeps, name)).exists():
        has_options = any((address, detach, background, storage, trials, total_epochs, hours, set_, accept_gap))
        _resume_stages(stages, has_options or accept_changed_data)
        return
    folder = options.folder(sweeps, name, storage)
    cluster_address = address or folder.spec().address
    is_job = cli_cluster.submits(cluster_address, detach)
    if is_job:
        _check_job(background, accept_gap)
    fields: dict[str, Any] = {"trials": trials, "total_epochs": total_epochs, "hours": hours}
    if set_:
        fields["set"] = with_bounds(folder.spec().set, options.pairs(set_, "--set"))
    if budget := {field: value for field, value in fields.items() if value is not None}:
        from search.control.reopen import change
        from search.stages.progress import refuse_reopening

        refuse_reopening(folder)
        change(folder, budget)
    if is_job:
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


def _check_job(background: bool, accept_gap: bool = False) -> None:
    """Refuse what a cluster's job cannot have."""
    if background:
        raise SettingsError("--background is for this machine; a cluster's job has --detach, leave --background out")
    if accept_gap:
        raise SettingsError("--accept-gap repairs the journal on this machine; resume without --detach and --address")


def _run_sweep(name: str, root: Path, new: SweepSpec | None, **accepted: bool) -> None:
    """Run the sweep `new`, or resume `name`, on this machine or the Ray cluster at its address."""
    with _resumable(name, root, SweepFolder(root, name).spec_file):
        _leave_unless_trained(_run(name, root, new, **accepted))


@contextmanager
def _resumable(name: str, root: Path, description: Path) -> Iterator[None]:
    """For the block, an interrupt ends the program with how `name` is resumed, if its `description` is there.

    A death of Ray on this machine does not end it.
    """
    from search.execution.succession import goes_on

    with lasting_output(), interruptible() as is_interrupted:
        try:
            with goes_on(name, root, is_interrupted):
                yield
        except KeyboardInterrupt:
            if not description.is_file():
                raise
            resume_command = command("resume", name, root)
            print(f"{ERROR_PREFIX}interrupted; nothing is lost, resume with: {resume_command}", file=sys.stderr)
            leave(INTERRUPTED)


def _launch_stages(stages: Stages, root: Path, elsewhere: bool) -> None:
    if elsewhere or cli_cluster.submits(stages.specs[0].address, False):
        raise SettingsError(
            "stages run in this terminal, one after the other; leave --detach, --background and a job's address out"
        )
    from search.run.staged import launch_stages

    with _resumable(stages.name, root, StagesFolder(root, stages.name).file):
        _leave_unless_trained(launch_stages(stages, root, partial(_run_stage, root), _say))


def _resume_stages(folder: StagesFolder, has_options: bool) -> None:
    if has_options:
        raise SettingsError(
            f"{folder.name} has stages, so options of a resume are for one of them: give them to "
            f"{folder.name}-STAGE, then `{command('resume', folder.name, folder.root)}`"
        )
    from search.run.staged import resume_stages

    with _resumable(folder.name, folder.root, folder.file):
        _leave_unless_trained(resume_stages(folder, partial(_run_stage, folder.root), _say))


def _run_stage(root: Path, name: str, new: SweepSpec | None) -> SweepState:
    return _run(name, root, new)


def _say(sentence: str) -> None:
    from rich.text import Text

    terminal.console().print(Text(sentence))


def _leave_unless_trained(state: SweepState) -> None:
    if state.ended is None or state.ended.trial < 0:
        sys.exit(NOTHING_TRAINED)


def _confirm() -> None:
    ask("Train all the same?", "nothing was launched")


def _run(name: str, root: Path, new: SweepSpec | None, **accepted: bool) -> SweepState:
    from search.run.shown import run_shown

    confirm = _confirm if sys.stdin.isatty() else None  # nobody can answer a job, or a sweep in the background
    return run_shown(name, root, new, terminal.console(), confirm=confirm, **accepted)
