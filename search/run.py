"""Assembles a sweep and runs it: the only place where Ray, searcher, scheduler, recorder and disk come together."""

from __future__ import annotations

import errno
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from rich.text import Text

from search.control.coordinator import Coordinator
from search.execution.connection import Say, connected, resources
from search.execution.resources import Needs, needs, places
from search.execution.trainable import RecipeTrainable
from search.execution.tune_adapters import CoordinatorScheduler, CoordinatorSearch, Silent
from search.export.bundle import export
from search.journal.events import Decided, Row, SweepEnded
from search.journal.segments import Journal, mend, read
from search.sampling.warm_start import feed, recall
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.storage.object_store import Storage, retry_until_available
from search.storage.remote_sweep import reconcile, refuse_existing
from search.storage.uploader import Uploader
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.sweep.spec import SweepSpec
from search.sweep.uri import located
from search.tracking.recorder import Recorder
from search.views.summary import sweep_runs
from trainables import checkpoint
from trainables.errors import SettingsError, SteadytuneError

Listener = Callable[[Row, SweepState], None]


@dataclass(frozen=True)
class Finished:
    """A sweep that has ended, and the recorder, which may have a few seconds' work left."""

    state: SweepState
    recorder: Recorder


def launch(checked: Plan, root: Path, listen: Listener, say: Say = lambda words: None) -> Finished:
    """Run a new sweep in `root/NAME` to its end; `say` shows what is to be known of where it runs.

    Raises:
        SteadytuneError: something is wrong that shows before training; nothing is left behind then.
    """
    recall(checked, root)
    if checked.spec.storage:
        refuse_existing(checked.spec.storage, checked.spec.name)
    folder = SweepFolder.create(root, checked.spec)
    with folder.locked():
        try:
            return _run(checked, folder, listen, say)
        except SteadytuneError:
            if not _began(folder):
                folder.remove()
                if checked.spec.storage:
                    Storage(checked.spec.storage, folder.name).delete_all()
            raise


def resume(checked: Plan, root: Path, listen: Listener, say: Say = lambda words: None) -> Finished:
    """Go on with a sweep that was interrupted or killed, where its journal ends."""
    folder = SweepFolder.existing(root, checked.spec.name)
    with folder.locked():
        for torn in mend(folder.journal):
            say(f"{torn}: torn, as a power cut leaves it; what was in it is done again.")
        if checked.spec.storage:
            storage = Storage(checked.spec.storage, folder.name)
            retry_until_available(lambda: reconcile(folder, storage), say)
        if any(isinstance(row.event, SweepEnded) for row in _past(folder)):
            with _uploading(checked, folder, say):  # what an outage may have kept back
                pass
            raise SteadytuneError(f"sweep {folder.name} has ended; see `steadytune status {folder.name}`")
        folder.check_resumable()
        return _run(checked, folder, listen, say)


def _past(folder: SweepFolder) -> list[Row]:
    return list(read(folder.journal)) if folder.journal.is_dir() else []


def _began(folder: SweepFolder) -> bool:
    """Whether there is anything of a trial to be looked at; on a cluster its log may lie elsewhere."""
    return any(folder.trials.glob("*/log.txt")) or any(isinstance(row.event, Decided) for row in _past(folder))


@contextmanager
def _uploading(checked: Plan, folder: SweepFolder, say: Say) -> Iterator[Uploader | None]:
    """The sweep's storage kept up to date for the block, if it has one."""
    if checked.spec.storage:
        with Uploader(folder, checked.spec.storage, lambda words: say(Text(words))) as uploader:  # no markup
            yield uploader
    else:
        yield None


def _run(checked: Plan, folder: SweepFolder, listen: Listener, say: Say) -> Finished:
    try:
        # The interruption comes second: Ray sets a handler of its own when it starts.
        with (
            connected(checked.spec, folder.path, say),
            interruptible(),
            Recorder(folder, lambda words: say(Text(words))) as recorder,
            _uploading(checked, folder, say) as uploader,
        ):
            each = needs(checked.spec, _share(checked, folder, say))
            room = places(checked.spec.workers, each, resources())
            say(sweep_runs(room))
            state = _sweep(checked, folder, room, each, recorder, uploader, listen)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        fix = f"nothing is lost: free some space, then `steadytune resume {folder.name}`"
        raise SteadytuneError(f"{folder.path}: the disk is full; {fix}") from None
    return Finished(state, recorder)


def _share(checked: Plan, folder: SweepFolder, say: Say) -> float | None:
    """What `gpus: auto` comes to, for good: a resumed sweep keeps it. None if the user has said."""
    spec = checked.spec
    if spec.gpus != "auto":
        return None
    if not any(map(needs(spec).fit, resources())):  # Ray would wait for one without end
        raise SettingsError(
            "gpus is auto, but no node has a GPU with the CPUs and the memory of a trial; leave gpus out"
        )
    from search.execution import gpu_sharing as sharing  # imports torch

    say("How many trials share a GPU? One trains alone, for an epoch or two minutes.")
    settings = checked.named[0][1] if checked.named else checked.settings({}, spec.seed).model_dump()
    found = sharing.measure({**_assigned(spec, needs(spec)), "trial": 0, "settings": settings, "epochs": 0})
    share = sharing.share(found)
    folder.change(gpus=share)
    say(f"It took {found.need / 1e9:.1f} of the GPU's {found.total / 1e9:.1f} GB: gpus is {share:g}.")
    return share


def _sweep(
    checked: Plan,
    folder: SweepFolder,
    room: int,
    each: Needs,
    recorder: Recorder,
    uploader: Uploader | None,
    listen: Listener,
) -> SweepState:
    journal = Journal(folder.journal)
    past = _past(folder)
    if not past:
        feed(journal, recall(checked, folder.root))
        past = _past(folder)
    # Deleting takes a millisecond a file: Ray's loop, which all trials wait for, need not.
    with ThreadPoolExecutor(1, "delete") as deletions:

        def delete(trial: int, epoch: int) -> None:
            if doomed := checkpoint.set_aside(folder.checkpoint(trial, epoch)):
                deletions.submit(shutil.rmtree, doomed, ignore_errors=True)
            if uploader:
                uploader.delete(trial, epoch)

        coordinator = Coordinator(checked, journal, delete=delete, listen=listen)
        if past:
            folder.sweep_up()
            coordinator.restore(past)
        coordinator.open(room)
        recorder.watch(coordinator.halt)
        if uploader:
            uploader.watch(coordinator.halt)
        try:
            _train(coordinator, folder, room, each)
        finally:
            journal.flush()
            shutil.rmtree(folder.ray, ignore_errors=True)
    if coordinator.halted:
        raise coordinator.halted
    folder.sweep_up()  # of trials whose process died once too often
    _conclude(coordinator, folder, uploader)
    return coordinator.state


def _assigned(spec: SweepSpec, each: Needs) -> dict[str, Any]:
    """What every trial of a sweep is told, wherever it runs."""
    return {
        "recipe": spec.recipe,
        "data": located(spec.data),
        "data_cache_gb": spec.data_cache_gb,
        "data_fingerprint": spec.data_fingerprint,
        "storage": spec.storage or "",
        "checkpoint_every": spec.checkpoint_every,
        "checkpoint_at": [],
        "hang_seconds": 60 * spec.hang_minutes,
        "needs": each,
    }


def _train(coordinator: Coordinator, folder: SweepFolder, room: int, each: Needs) -> None:
    """Have Ray Tune run what the coordinator hands out, `room` trials at a time."""
    spec = coordinator.plan.spec
    rungs = coordinator.state.scheduler.rungs if spec.scheduler in ("asha", "freeze_thaw") else []
    common = _assigned(spec, each) | {"folder": str(folder.trials), "checkpoint_at": rungs}
    tuner = tune.Tuner(
        RecipeTrainable,
        tune_config=tune.TuneConfig(
            search_alg=CoordinatorSearch(coordinator, common),
            scheduler=CoordinatorScheduler(coordinator),
            num_samples=-1,
            max_concurrent_trials=room,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="experiment",
            storage_path=str(folder.ray),
            verbose=0,
            callbacks=[Silent()],
            # Checkpoints are the trainable's own: Ray's would be kept trial by trial.
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=spec.retries),
        ),
    )
    tuner.fit()


def _conclude(coordinator: Coordinator, folder: SweepFolder, uploader: Uploader | None) -> None:
    """Export the winner, then write down that the sweep has ended."""
    ended = result(coordinator.state)
    if ended.trial >= 0:
        export(coordinator.state, folder, ended.trial, folder.best)
        if uploader:
            uploader.upload_best()
    coordinator.end(ended)


@contextmanager
def interruptible() -> Iterator[None]:
    """Treat a polite request to end (SIGTERM, as job systems send it) like Ctrl-C."""

    def interrupt(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
