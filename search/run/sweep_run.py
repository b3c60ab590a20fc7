"""Assembles a sweep and runs it: the only module where Ray, sampler, scheduler, recorder and disk come together."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune
from rich.text import Text

from search.check import resumed
from search.control.coordinator import Coordinator
from search.control.reopen import cut_journal, extend, nothing_left
from search.execution.connection import Notify, connected, node_resources
from search.execution.crash import disk_problem
from search.execution.job_protocol import announce_training
from search.execution.resources import TrialResources, trial_resources, worker_slots
from search.execution.trainable import RecipeTrainable
from search.execution.tune_adapters import CoordinatorScheduler, CoordinatorSearch, NoProgress
from search.export.bundle import export
from search.journal.events import Decided, EpochDone, Row
from search.journal.repair import mend
from search.journal.segments import Journal, read
from search.sampling.warm_start import append_prior_trials, load_prior_sweeps
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.storage.object_store import Storage, retry_until_available
from search.storage.remote_sweep import fetch_requests, reconcile, refuse_existing
from search.storage.uploader import Uploader
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.sweep.requests import RequestBox
from search.sweep.uri import located
from search.tracking.recorder import Recorder
from search.views.model_process import model_process, write_models
from search.views.summary import sweep_runs
from trainables import checkpoint
from trainables.errors import SettingsError, SteadytuneError

Listener = Callable[[Row, SweepState], None]


@dataclass(frozen=True)
class Finished:
    """A sweep that has ended, and its recorder, which may need a few more seconds to write to MLflow."""

    state: SweepState
    recorder: Recorder


def launch(plan: Plan, root: Path, listen: Listener, notify: Notify = lambda message: None) -> Finished:
    """Run a new sweep in `root/NAME` to its end.

    Args:
        plan: the checked sweep.
        root: folder of the sweeps.
        listen: called with every event of the journal, and the state after it.
        notify: shows the user messages about the cluster, the storage and MLflow.

    Raises:
        SteadytuneError: the sweep cannot run. If that shows before the first trial, no files remain.
    """
    load_prior_sweeps(plan, root)
    spec = plan.spec
    if spec.storage:
        refuse_existing(spec.storage, SweepFolder(root, spec.name))
    folder = SweepFolder.create(root, spec, plan.data_look, plan.data)
    with folder.locked():
        try:
            return _SweepRun(plan, folder, listen, notify).run()
        except SteadytuneError:
            if not _has_trials(folder):
                folder.remove()
                if spec.storage:
                    Storage(spec.storage, folder.name).delete_all()
            raise


def resume(
    plan: Plan,
    root: Path,
    listen: Listener,
    notify: Notify = lambda message: None,
    announce: Callable[[], None] = lambda: None,
    accept_gap: bool = False,
    accept_changed_data: bool = False,
) -> Finished:
    """Run a sweep that was interrupted or killed, from where its journal ends.

    Args:
        plan: the checked sweep.
        root: folder of the sweeps.
        listen: called with every new event of the journal, and the state after it.
        notify: shows the user messages, as in `launch`.
        announce: called once the sweep is known to have something to do, before it does it.
        accept_gap: end a damaged journal before its first row that cannot be read, and continue from there.
        accept_changed_data: go on with data that are not those that the sweep began with.

    Raises:
        SteadytuneError: there is no such sweep, it has ended, its data have changed, or it cannot run.
    """
    folder = SweepFolder.existing(root, plan.spec.name)
    sweep_run = _SweepRun(plan, folder, listen, notify)
    with folder.locked():
        for damaged in mend(folder.journal):
            notify(f"{damaged}: damaged, as by a power cut; the events in it are repeated.")
        if plan.spec.storage:
            storage = Storage(plan.spec.storage, folder.name)
            retry_until_available(lambda: _update(folder, storage), notify)
        if accept_gap:
            notify(cut_journal(folder))
        if (state := extend(plan, folder)).ended:
            with sweep_run.uploading():  # what an outage may have kept from the storage
                pass
            raise SteadytuneError(nothing_left(state, folder))
        announce()
        plan = resumed(plan, folder, accept_changed_data, sweep_run.notify_plain)
        return replace(sweep_run, plan=plan).run()


def _update(folder: SweepFolder, storage: Storage) -> None:
    reconcile(folder, storage)
    fetch_requests(folder, storage)


def _journal_rows(folder: SweepFolder) -> list[Row]:
    return list(read(folder.journal)) if folder.journal.is_dir() else []


def _has_trials(folder: SweepFolder) -> bool:
    """Whether a trial has begun; on a cluster its log may be on another machine, so the journal is asked too."""
    reported = (isinstance(row.event, (EpochDone, Decided)) for row in _journal_rows(folder))
    return any(folder.trials.glob("*/log.txt")) or any(reported)


@dataclass(frozen=True)
class _SweepRun:
    """One run of a sweep, from its launch or resume to its end or interruption."""

    plan: Plan
    folder: SweepFolder
    listen: Listener
    notify: Notify

    def run(self) -> Finished:
        spec, folder = self.plan.spec, self.folder
        try:
            with (
                connected(spec, folder.path, self.notify),
                Recorder(folder, self.notify_plain) as recorder,
                self.uploading() as uploader,
            ):
                resources = trial_resources(spec, self._gpu_share())
                slots = worker_slots(spec.workers, resources, node_resources())
                self.notify(sweep_runs(slots))
                announce_training()
                state = self._search(slots, resources, recorder, uploader)
        except OSError as error:
            if problem := disk_problem(error):
                raise SteadytuneError(f"{folder.path}: {problem}, then `{folder.command('resume')}`") from None
            raise
        return Finished(state, recorder)

    def notify_plain(self, message: str) -> None:
        self.notify(Text(message))  # addresses and paths may look like rich's markup

    @contextmanager
    def uploading(self) -> Iterator[Uploader | None]:
        """For the block, keep the sweep's storage up to date, if it has one."""
        if self.plan.spec.storage:
            with Uploader(self.folder, self.plan.spec.storage, self.notify_plain) as uploader:
                yield uploader
        else:
            yield None

    def _gpu_share(self) -> float | None:
        """The share of a GPU that `gpus: auto` comes to, measured once: a resumed sweep keeps it. None if not auto."""
        spec = self.plan.spec
        if spec.gpus != "auto":
            return None
        resources = trial_resources(spec)
        if not any(map(resources.trials_on, node_resources())):  # Ray would wait for such a node for ever
            raise SettingsError(
                "gpus is auto, but no node has a GPU with the CPUs and the memory of a trial; leave gpus out"
            )
        from search.execution.gpu_sharing import gpu_share, measure_memory  # imports torch

        self.notify("How many trials share a GPU? One trains alone, for an epoch or two minutes.")
        settings = self.plan.named[0][1] if self.plan.named else self.plan.settings({}, spec.seed).model_dump()
        probe = {"trial": 0, "settings": settings, "epochs": 0}
        memory = measure_memory(_common_config(self.plan, resources) | probe)
        share = gpu_share(memory)
        self.folder.change(gpus=share)
        self.notify(f"It took {memory.need / 1e9:.1f} of the GPU's {memory.total / 1e9:.1f} GB: gpus is {share:g}.")
        return share

    def _search(
        self, slots: int, resources: TrialResources, recorder: Recorder, uploader: Uploader | None
    ) -> SweepState:
        """Run the coordinator's trials until it says that the sweep is over, and export the winner."""
        folder = self.folder
        journal = Journal(folder.journal)
        rows = _journal_rows(folder)
        if not rows:
            append_prior_trials(journal, load_prior_sweeps(self.plan, folder.root))
            rows = _journal_rows(folder)
        # Deleting takes a millisecond per file, which Ray's event loop need not wait for.
        with ThreadPoolExecutor(1, "delete") as deletions:

            def delete(trial: int, epoch: int) -> None:
                if renamed := checkpoint.set_aside(folder.checkpoint(trial, epoch)):
                    deletions.submit(shutil.rmtree, renamed, ignore_errors=True)
                if uploader:
                    uploader.delete(trial, epoch)

            requests, resume = RequestBox(folder.requests), partial(folder.command, "resume")
            coordinator = Coordinator(
                self.plan, journal, delete=delete, requests=requests, listen=self.listen, how_to_resume=resume
            )
            if rows:
                folder.sweep_up()
                coordinator.restore(rows)
            coordinator.open(slots)
            recorder.watch(coordinator.halt)
            if uploader:
                uploader.watch(coordinator.halt)
            try:
                _tuner(coordinator, folder, slots, resources).fit()
            finally:
                journal.flush()
                shutil.rmtree(folder.ray, ignore_errors=True)
        if coordinator.halted:
            raise coordinator.halted
        folder.sweep_up()  # what trials left whose process died at the end
        _end(coordinator, folder, uploader, self.notify)
        return coordinator.state


def _common_config(plan: Plan, resources: TrialResources) -> dict[str, Any]:
    """The configuration that all trials of a sweep share; see `RecipeTrainable`."""
    spec, data = plan.spec, plan.data
    return {
        "recipe": spec.recipe,
        "declaration": spec.declaration,
        "data": located(spec.data),
        "data_cache_gb": spec.data_cache_gb,
        "data_fingerprint": spec.data_fingerprint,
        "data_began": data.manifest.fingerprint if data else "",
        "data_earlier": list(data.earlier) if data else [],
        "storage": spec.storage or "",
        "checkpoint_every": spec.checkpoint_every,
        "checkpoint_at": [],
        "hang_seconds": 60 * spec.hang_minutes,
        "resources": resources,
    }


def _tuner(coordinator: Coordinator, folder: SweepFolder, slots: int, resources: TrialResources) -> tune.Tuner:
    """Ray Tune, set up to run what the coordinator hands out, `slots` trials at a time."""
    spec = coordinator.plan.spec
    rungs = coordinator.scheduler.rungs if spec.scheduler in ("asha", "freeze_thaw") else []
    config = _common_config(coordinator.plan, resources) | {"folder": str(folder.trials), "checkpoint_at": rungs}
    return tune.Tuner(
        RecipeTrainable,
        tune_config=tune.TuneConfig(
            search_alg=CoordinatorSearch(coordinator, config),
            scheduler=CoordinatorScheduler(coordinator, str(folder.trials)),
            num_samples=-1,
            max_concurrent_trials=slots,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="experiment",
            storage_path=str(folder.ray),
            verbose=0,
            callbacks=[NoProgress()],
            # The trainable writes its own checkpoints: Ray's cannot be kept or deleted by the coordinator's rules.
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=spec.retries),
        ),
    )


def _end(coordinator: Coordinator, folder: SweepFolder, uploader: Uploader | None, notify: Notify) -> None:
    """Export the winner and report on it, then record that the sweep has ended."""
    ended = result(coordinator.state)
    if ended.trial >= 0:
        with model_process(coordinator.plan.spec) as process:
            export(coordinator.state, folder, ended.trial, folder.best, write_weights=process.weights)
            if uploader:
                uploader.upload_best()
            if problem := write_models(coordinator.state, folder, ended.trial, process):
                notify(Text(problem))
    coordinator.end(ended)
