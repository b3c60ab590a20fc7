"""The verbs for sweeps that run as a cluster's jobs: logs, stop; and how launch, resume and status see them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import options
from search.cli.options import DEFAULT_ROOT, Address, Root
from search.sweep.environment import JOB

if TYPE_CHECKING:
    from search.execution.jobs import Jobs
    from search.sweep.spec import SweepSpec

LAST_LINES = 20


def submits(address: str | None, detach: bool) -> bool:
    """Whether a sweep is to become a job, which it is not if this process is that job."""
    inside = JOB in os.environ
    return not inside and (detach or (address or "").startswith(("http://", "https://")))


def submit(
    name: str, address: str | None, root: Path, spec: SweepSpec | None, detach: bool, storage: str | None = None
) -> None:
    """Launch `spec`, or resume `name`, as a job; then show what it prints, or only wait until its trials begin."""
    from trainables.errors import SettingsError

    if not address:
        raise SettingsError("--detach needs a cluster to run on; give --address http://HEAD:8265, auto or HOST:PORT")
    from search.execution.jobs import Jobs

    if spec:
        from search.sweep.plan import make_plan

        make_plan(spec, training=False)  # the data lies where the cluster sees it
    jobs = Jobs(address)
    job = jobs.submit(name, root, spec, storage)
    print(f"Submitted to {jobs.address} as job {job}.", flush=True)
    on = f"{options.command('logs', name, root)}; end it: {options.command('stop', name, root)}"
    if detach:
        jobs.await_start(job)
        print(f"Its trials begin, and go on without this terminal. Watch it: {on}")
        return
    try:
        for text in jobs.follow(job):
            print(text, end="", flush=True)
    except KeyboardInterrupt:
        print(f"\nsteadytune: the sweep goes on without this terminal. Watch it: {on}", file=sys.stderr)
        sys.exit(130)
    jobs.conclude(job)


def show(name: str, address: str) -> None:
    """A sweep as its cluster knows it, for who does not see its folder."""
    from search.execution.jobs import Jobs

    jobs = Jobs(address)
    job = jobs.newest(name)
    print("\n".join(jobs.log(job).splitlines()[-LAST_LINES:]))
    print(_stands(jobs, job))


def standing(name: str, address: str) -> str:
    """One line about a sweep's job; that there is none to be seen is no mistake of whoever asks."""
    from search.execution.jobs import Jobs
    from trainables.errors import SteadytuneError

    try:
        jobs = Jobs(address)
        return _stands(jobs, jobs.newest(name))
    except SteadytuneError as error:
        return f"its job cannot be seen: {error}"


def _stands(jobs: Jobs, job: str) -> str:
    return f"job {job} at {jobs.address}: {jobs.state(job)}"


def logs(
    name: str,
    trial: Annotated[int | None, typer.Argument(help="trial; what the sweep's job printed if not given")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="keep showing it until the job ends")] = False,
    address: Address = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Show what a sweep's job, or one of its trials, printed."""
    if trial is not None:
        print(_trial_log(name, trial, sweeps), end="")
        return
    from search.execution.jobs import Jobs

    jobs = Jobs(_address(name, address, sweeps))
    job = jobs.newest(name)
    for text in jobs.follow(job) if follow else [jobs.log(job)]:
        print(text, end="", flush=True)


def stop(name: str, address: Address = None, sweeps: Root = DEFAULT_ROOT) -> None:
    """End a sweep's job as Ctrl-C would; it can be resumed."""
    from search.execution.jobs import Jobs

    jobs = Jobs(_address(name, address, sweeps))
    job = jobs.newest(name)
    was = "stopped" if jobs.stop(job) else f"had ended already ({jobs.state(job)})"
    print(f"job {job} {was}; nothing is lost, go on with: {options.command('resume', name, sweeps)}")


def _address(name: str, address: str | None, root: Path) -> str:
    from search.sweep.folder import SweepFolder
    from trainables.errors import SteadytuneError

    found = address or SweepFolder.existing(root, name).spec().address
    if not found or not submits(found, detach=bool(address)):
        raise SteadytuneError(
            f"sweep {name} was not submitted to a cluster: it prints and takes Ctrl-C where it was launched; "
            f"`steadytune logs {name} TRIAL` shows a trial's log"
        )
    return found


def _trial_log(name: str, trial: int, root: Path) -> str:
    from search.sweep.folder import SweepFolder
    from trainables.errors import SteadytuneError, nearest

    folder = SweepFolder.existing(root, name)
    if uri := folder.spec().storage:  # the node that it ran on may be another
        from search.storage.object_store import open_storage

        with suppress(FileNotFoundError):
            return open_storage("storage", uri, name).read(f"trials/{trial:04d}/log.txt").decode(errors="replace")
    trials = folder.trials
    path = trials / f"{trial:04d}" / "log.txt"
    if not path.is_file():
        there = [str(int(one.parent.name)) for one in sorted(trials.glob("*/log.txt"))]
        raise SteadytuneError(f"no log of trial {trial} in sweep {name}; {nearest(str(trial), there)}")
    return path.read_text(encoding="utf-8", errors="replace")


VERBS = (logs, stop)
