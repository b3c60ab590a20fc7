"""The verbs that steer a sweep from any terminal, while it runs or waits: add, stop, promote, pause."""

# Imports inside functions: the sampler and Ray's job client take a second, which `--help` does not pay.

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli import cluster, options
from search.cli.options import DEFAULT_ROOT, Address, Root, Storage, SweepName, TrialNumber
from search.next_step import command
from search.sweep.folder import SweepFolder
from search.sweep.requests import Request, RequestBox
from trainables.errors import SettingsError, SteadytuneError

if TYPE_CHECKING:
    from search.journal.events import Requested
    from search.state.sweep_state import SweepState

ANSWER_SECONDS = 10.0
"""How long a verb waits for the answer of a sweep that runs."""
PAUSE_SECONDS = 60.0
"""How long `pause` waits for the sweep's process to end."""


def add(
    name: SweepName,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="settings; the sampler draws the others")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="settings.yaml of an export, or a sweep whose best settings to take")
    ] = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Add a trial to a sweep, on top of its other trials; it starts as soon as a worker is free."""
    from search.stages.progress import refuse_reopening

    folder = options.folder(sweeps, name, storage)
    refuse_reopening(folder)
    settings: dict[str, Any] = {}
    if source:
        settings, left_out = _settings_from(source, folder, sweeps)
        for note in left_out:
            print(note)
    settings |= options.pairs(values, "add")
    _ask(folder, Request("add", values=settings))


def stop(
    name: SweepName,
    trials: Annotated[
        list[int] | None, typer.Argument(metavar="TRIAL...", help="trials; the whole search if not given")
    ] = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """End trials for good; without TRIAL the whole search, whose best trials are then confirmed and exported."""
    folder = options.folder(sweeps, name, storage)
    for request in [Request("stop", trial) for trial in trials or ()] or [Request("stop")]:
        _ask(folder, request)


def promote(name: SweepName, trial: TrialNumber, storage: Storage = None, sweeps: Root = DEFAULT_ROOT) -> None:
    """Let a paused trial train on to its next rung, whatever its rank."""
    _ask(options.folder(sweeps, name, storage), Request("promote", trial))


def pause(name: SweepName, address: Address = None, storage: Storage = None, sweeps: Root = DEFAULT_ROOT) -> None:
    """End a sweep's process as Ctrl-C would; `resume` continues it."""
    job_address = address or cluster.job_address(name, sweeps)
    resume = command("resume", name, sweeps)
    if job_address:
        from search.execution.jobs import connect

        jobs = connect(job_address)
        job = jobs.newest(name)
        outcome = "paused" if jobs.stop(job) else f"had already ended ({jobs.state(job)})"
        print(f"job {job} {outcome}; nothing is lost, resume with: {resume}")
        return
    folder = options.folder(sweeps, name, storage)
    if not folder.held and not folder.spec().address and not folder.spec().storage:
        raise SteadytuneError(f"sweep {name} is not running on this machine, so there is nothing to pause")
    _ask(folder, Request("pause"))
    deadline = time.monotonic() + PAUSE_SECONDS
    while folder.held and time.monotonic() < deadline:
        time.sleep(0.2)
    if not folder.held:
        print(f"sweep {name} is paused; nothing is lost, resume with: {resume}")


def _ask(folder: SweepFolder, request: Request) -> None:
    """Leave a request where the sweep's driver finds it, and print the answer.

    Raises:
        SteadytuneError: it is refused.
    """
    from search.control.steering import answer

    _check(answer(request, options.state(folder)))
    uri = folder.spec().storage
    if uri and not folder.held:
        from search.storage.object_store import open_storage
        from search.storage.remote_sweep import put_request

        put_request(open_storage("storage", uri, folder.name), request)
        print(f"Left at {uri}: the sweep takes it within seconds if it runs, and else when it is resumed.")
        return
    box = RequestBox(folder.requests)
    box.put(request)
    elsewhere = bool(folder.spec().address)
    if not folder.held and not elsewhere:
        resume = folder.command("resume")
        print(f"Sweep {folder.name} is not running; it is done when the sweep is resumed: {resume}")
        return
    deadline = time.monotonic() + ANSWER_SECONDS
    while request in box and time.monotonic() < deadline:
        time.sleep(0.1)
    state = options.state(folder)
    answered = state.requests.get(request.id)
    if answered is None:
        unless = "; if it is not running, when it is resumed" if elsewhere else ""
        print(f"Sweep {folder.name} has not answered yet; it does so as soon as it can{unless}.")
        return
    _check(answered)
    print(sentence(answered, state))


def _check(answered: Requested) -> None:
    if not answered.accepted:
        raise SteadytuneError(answered.detail)


def sentence(answered: Requested, state: SweepState) -> str:
    """What the user is told of a request that was accepted; `state` is the sweep's since then."""
    name = state.plan.spec.name
    if answered.verb == "add":
        note = f" Note: {answered.detail}." if answered.detail else ""
        return f"Added; it starts as soon as a worker is free.{note}"
    if answered.verb == "promote":
        return f"Trial {answered.trial} is promoted; it trains on as soon as a worker is free."
    if answered.verb == "stop" and answered.trial is not None:
        before = state.trials[answered.trial].decisions[-2:-1]
        if before and before[0].action == "pause":
            return f"Trial {answered.trial} is stopped; it was paused."
        return f"Trial {answered.trial} is stopped; its worker is free after the epoch that it trains now."
    if answered.verb == "stop":
        what_follows = (
            "its best trials are confirmed and exported"
            if state.plan.spec.confirm_top
            else "its best trial is exported"
        )
        return f"The search of {name} is stopped; {what_follows} now."
    return f"Sweep {name} ends its trials ..."


def _settings_from(source: str, folder: SweepFolder, root: Path) -> tuple[dict[str, Any], list[str]]:
    """The settings that a file, or another sweep's best trial, has for a trial of `folder`'s sweep; and what it lacks.

    Raises:
        SteadytuneError: there is no such file or sweep, it is of another recipe, or it has no best trial yet.
    """
    from trainables.settings import read_settings

    plan, path = folder.plan(), Path(source)
    if path.is_dir() and (path / "settings.yaml").is_file():
        path /= "settings.yaml"
    if path.is_file():
        values: Mapping[str, Any] = read_settings(path, plan.recipe.settings_type)
    else:
        values = _best_of(source, plan.spec.recipe, root)
    chosen = {name: value for name, value in values.items() if name not in ("epochs", "seed", *plan.pins)}
    notes = [
        f"{name} stays {pinned}, as in all trials of sweep {folder.name} (there it is {values[name]})"
        for name, pinned in {**plan.pins, "epochs": plan.max_epochs}.items()
        if name in values and values[name] != pinned
    ]
    return chosen, notes


def _best_of(source: str, recipe: str, root: Path) -> Mapping[str, Any]:
    from search.state.outcome import result

    try:
        state = options.state(SweepFolder.existing(root, source))
    except SteadytuneError as error:
        raise SettingsError(f"--from is {source}, which is no file and no sweep: {error}") from None
    if state.plan.spec.recipe != recipe:
        raise SettingsError(f"--from is {source}, a sweep of {state.plan.spec.recipe}; it must be of {recipe}")
    best = result(state).trial
    if best < 0:
        raise SettingsError(f"--from is {source}; no trial of it has trained to its end yet")
    return state.trials[best].started.settings
