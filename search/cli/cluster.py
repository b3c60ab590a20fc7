"""The verb `logs`, for sweeps without a terminal, and what launch, resume and status do for them."""

# Imports inside functions: Ray's job client takes a second, and most calls of the command line need no cluster.

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import terminal
from search.cli.background import log_text
from search.cli.exit_codes import INTERRUPTED
from search.cli.options import DEFAULT_ROOT, Address, Root, SweepName
from search.execution.job_protocol import ERROR_PREFIX
from search.next_step import command
from search.sweep.environment import JOB
from search.sweep.folder import SweepFolder
from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec
from trainables.errors import SettingsError, SteadytuneError, nearest

if TYPE_CHECKING:
    from search.execution.jobs import Jobs

LAST_LINES = 20
"""Lines of a job's log that `status` prints for a sweep whose folder is not reachable."""


def submits(address: str | None, detach: bool) -> bool:
    """Whether to submit a sweep as a job; never inside a job, whose own process runs the sweep."""
    inside = JOB in os.environ
    return not inside and (detach or (address or "").startswith(("http://", "https://")))


def submit(
    name: str,
    address: str | None,
    root: Path,
    spec: SweepSpec | None,
    detach: bool,
    storage: str | None = None,
    more: Sequence[str] = (),
) -> None:
    """Launch `spec`, or resume `name`, as a job; then print its log, or with `detach` only wait until it has started.

    `more` are further options of the resume.

    Raises:
        SteadytuneError: there is no address, the sweep is wrong, or the cluster does not take the job.
    """
    if not address:
        raise SettingsError("--detach needs a cluster to run on; give --address http://HEAD:8265, auto or HOST:PORT")
    if spec:
        make_plan(spec, training=False)  # without opening the data set, which only the cluster may reach
    from search.execution.jobs import connect

    jobs = connect(address)
    job = jobs.submit(name, root, spec, storage, more)
    print(f"Submitted to {jobs.address} as job {job}.", flush=True)
    next_steps = f"Watch it: {command('logs', name, root)}; pause it: {command('pause', name, root)}"
    if detach:
        jobs.await_start(job)
        print(f"Its trials have started, and continue without this terminal. {next_steps}")
        return
    try:
        for text in jobs.follow(job):
            print(text, end="", flush=True)
    except KeyboardInterrupt:
        print(f"\n{ERROR_PREFIX}the sweep continues without this terminal. {next_steps}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    jobs.check_success(job)


def show(name: str, address: str) -> None:
    """Print the end of a job's log and its status, for a sweep whose folder is not reachable."""
    from search.execution.jobs import connect

    jobs = connect(address)
    job = jobs.newest(name)
    print("\n".join(jobs.log(job).splitlines()[-LAST_LINES:]))
    print(_status_line(jobs, job))


def job_status(name: str, address: str) -> str:
    """One line about a sweep's newest job; an unreachable cluster is part of the answer, not an error."""
    from search.execution.jobs import connect

    try:
        jobs = connect(address)
        return _status_line(jobs, jobs.newest(name))
    except SteadytuneError as error:
        return f"its job cannot be reached: {error}"


def _status_line(jobs: Jobs, job: str) -> str:
    return f"job {job} at {jobs.address}: {jobs.state(job)}"


def logs(
    name: SweepName,
    trial: Annotated[
        int | None, typer.Argument(metavar="TRIAL", help="trial; what the sweep itself printed if not given")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="keep printing until the sweep ends")] = False,
    address: Address = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Print the log of a sweep in the background or on a cluster, or of one of its trials."""
    if trial is not None:
        text, source = _trial_log(name, trial, sweeps)
        print(terminal.one_line_each(text), end="")
        if not text:
            print(f"trial {trial} of sweep {name} has written nothing yet; it would stand in {source}", file=sys.stderr)
        return
    submitted_to = address or job_address(name, sweeps)
    if not submitted_to:
        for text in log_text(SweepFolder.existing(sweeps, name), follow):
            print(terminal.one_line_each(text), end="", flush=True)
        return
    from search.execution.jobs import connect

    jobs = connect(submitted_to)
    job = jobs.newest(name)
    for text in jobs.follow(job) if follow else [jobs.log(job)]:
        print(terminal.one_line_each(text), end="", flush=True)


def job_address(name: str, root: Path) -> str:
    """The cluster that a sweep was submitted to; "" if it was not, or its folder is not here."""
    folder = SweepFolder(root, name)
    address = folder.spec().address if folder.spec_file.is_file() else None
    return address if address and submits(address, detach=False) else ""


def _trial_log(name: str, trial: int, root: Path) -> tuple[str, str]:
    """What the trial has written, and the file or object that has it."""
    folder = SweepFolder.existing(root, name)
    if uri := folder.spec().storage:  # the trial may have run on another node
        from search.storage.object_store import open_storage

        file = f"trials/{trial:04d}/log.txt"
        with suppress(FileNotFoundError):
            return open_storage("storage", uri, name).read(file).decode(errors="replace"), f"{uri}/{name}/{file}"
    trials = folder.trials
    path = trials / f"{trial:04d}" / "log.txt"
    if not path.is_file():
        logged = [str(int(log.parent.name)) for log in sorted(trials.glob("*/log.txt"))]
        raise SteadytuneError(f"no log of trial {trial} in sweep {name}; {nearest(str(trial), logged)}")
    return path.read_text(encoding="utf-8", errors="replace"), str(path)
