"""Assembles a sweep and runs it: the only place where Ray, searcher, scheduler, recorder and disk come together."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray import tune

from search.checking import check
from search.cluster import connected
from search.conductor import Conductor
from search.export import export, result
from search.folder import SweepFolder
from search.journal import Journal, Row, read
from search.recorder import Recorder
from search.scheduler import SteadyASHA, SweepSearch
from search.state import SweepState
from search.sweep import Plan, SweepSpec
from search.trainable import RecipeTrainable
from trainables.errors import SteadytuneError

Listener = Callable[[Row, SweepState], None]


def launch(spec: SweepSpec, root: Path, listen: Listener) -> SweepState:
    """Run a new sweep in `root/NAME` to its end.

    Raises:
        SteadytuneError: something is wrong that shows before training; nothing is left behind then.
    """
    checked = check(spec, SweepFolder(root, spec.name).store(spec))
    folder = SweepFolder.create(root, spec)
    with folder.locked():
        try:
            return _run(checked, folder, listen)
        except SteadytuneError:
            if not folder.journal.exists():
                folder.remove()
            raise


def resume(name: str, root: Path, listen: Listener) -> SweepState:
    """Go on with a sweep that was interrupted or killed, where its journal ends."""
    folder = SweepFolder.existing(root, name)
    with folder.locked():
        spec = folder.spec()
        return _run(check(spec, folder.store(spec)), folder, listen)


def _run(checked: Plan, folder: SweepFolder, listen: Listener) -> SweepState:
    spec = checked.spec
    recorder = Recorder(folder)
    try:
        with interruptible(), connected(spec) as places:
            recorder.wait_ready()
            past = list(read(folder.journal)) if folder.journal.is_dir() else []
            journal = Journal(folder.journal)
            conductor = Conductor(checked, journal, delete=folder.delete_checkpoint, listen=listen)
            if past:
                conductor.restore(past)
            conductor.open(places)
            try:
                _train(conductor, folder, places)
            finally:
                journal.flush()
                shutil.rmtree(folder.ray, ignore_errors=True)
        if conductor.halted:
            raise conductor.halted
        _conclude(conductor, folder)
        return conductor.state
    finally:
        recorder.finish()


def _train(conductor: Conductor, folder: SweepFolder, places: int) -> None:
    """Have Ray Tune run what the conductor hands out, `places` trials at a time."""
    spec = conductor.plan.spec
    common = {
        "recipe": spec.recipe,
        "data": str(Path(spec.data).absolute()),
        "folder": str(folder.trials),
        "checkpoint_every": spec.checkpoint_every,
    }
    tuner = tune.Tuner(
        tune.with_resources(RecipeTrainable, {"cpu": spec.cpus, "gpu": spec.gpus}),
        tune_config=tune.TuneConfig(
            search_alg=SweepSearch(conductor, common),
            scheduler=SteadyASHA(conductor),
            num_samples=-1,
            max_concurrent_trials=places,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="experiment",
            storage_path=str(folder.ray),
            verbose=0,
            # Checkpoints are the trainable's own: Ray's would be kept trial by trial.
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=spec.retries),
        ),
    )
    tuner.fit()


def _conclude(conductor: Conductor, folder: SweepFolder) -> None:
    """Export the winner, then write down that the sweep has ended."""
    ended = result(conductor.state)
    if ended.trial >= 0:
        export(conductor.state, folder, ended.trial, folder.best)
    conductor.end(ended)


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
