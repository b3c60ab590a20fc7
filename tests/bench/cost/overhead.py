"""What the tool itself costs, against stock Ray Tune, in one Ray session: `python -m tests.bench.cost.overhead`.

Each side runs a training that does nothing, in a rotating order, `--rounds` times; the table shows medians and ratios.

    20 trials x 3 epochs      what a trial costs: processes started or reused, without and with torch's imports
    20 trials x 100 epochs    what a result costs, ours with MLflow recording, Ray's without; both with one checkpoint a
                              trial, and both with one an epoch, which is what steadytune does unless told otherwise
    20 trials x 25 epochs     the same with Ray's own MLflow callback (a quarter: it takes minutes)
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback

from search.check import check
from search.execution import this_machine
from search.run import sweep_run
from search.sweep.folder import names
from search.sweep.spec import read_spec
from search.tracking.recorder import Recorder
from tests.support import REPOSITORY
from tests.support.idle import pay_for_torch

HERE = Path(__file__).resolve().parent

WORKERS = 2
OURS = "steadytune, recorded in MLflow"
NO_MLFLOW = "stock Ray, reuse_actors=True, no MLflow"
RECORDED = "  until MLflow has every row"


class Stock(tune.Trainable):  # type: ignore[misc]
    """The same nothing as Ray's own class trainable."""

    def setup(self, config: dict[str, Any]) -> None:
        self._config = config
        if config["imports"]:
            pay_for_torch()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._config = new_config
        return True

    def step(self) -> dict[str, Any]:
        done = self.iteration + 1 >= self._config["epochs"]
        return {"score": self._config["x"], "loss": 1.0, "lr": 1e-3, "done": done}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """What the idle recipe saves."""
        (Path(checkpoint_dir) / "state.json").write_text(json.dumps({"epoch": self.iteration}))


def stock(
    folder: Path,
    trials: int,
    epochs: int,
    *,
    reuse: bool,
    imports: bool = False,
    callbacks: tuple[Any, ...] = (),
    every: int = 0,
) -> None:
    """Stock Ray Tune: random search, no scheduler, its default loggers."""
    tune.Tuner(
        Stock,
        param_space={"x": tune.uniform(0, 1), "epochs": epochs, "imports": imports},
        tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=WORKERS, reuse_actors=reuse),
        run_config=tune.RunConfig(
            storage_path=str(folder),
            verbose=0,
            callbacks=list(callbacks),
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=every, num_to_keep=1 if every else None),
        ),
    ).fit()


def ours(_: Path, trials: int, epochs: int, *, root: Path, imports: bool = False, every: int = 1) -> Recorder:
    """A steadytune sweep of the same size, with its journal; MLflow's rows may not all be written when it returns.

    All sweeps share the folder `root`, as a user's do: its MLflow store is made once, by the first of them.
    """
    values = {
        "name": f"idle-{len(names(root))}", "recipe": "tests.support.idle:Idle", "preset": "tiny", "data": str(HERE),
        "set": {"epochs": epochs, "imports": imports},
        "trials": trials, "scheduler": "none", "sampler": "random", "confirm_top": 0, "workers": WORKERS,
        "checkpoint_every": every,
    }  # fmt: skip
    spec = read_spec(values, "bench")
    return sweep_run.launch(check(spec, f"sqlite:///{root / 'mlflow.db'}"), root, lambda row, state: None).recorder


def timed(job: Callable[[Path], Recorder | None]) -> tuple[float, float]:
    """Wall seconds of `job` in a fresh folder, its output dropped: until its result, and until all is recorded."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        recorder = job(Path(folder))
        result = time.perf_counter() - began
        assert recorder is None or recorder.finish()
        return result, time.perf_counter() - began


def with_mlflow(folder: Path, trials: int, epochs: int) -> None:
    """Stock Ray Tune with Ray's own MLflow callback."""
    callback = MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment_name="idle")
    stock(folder, trials, epochs, reuse=True, callbacks=(callback,))


def compare(title: str, jobs: dict[str, Callable[[Path], Recorder | None]], base: str, rounds: int) -> None:
    """Run all jobs `rounds` times, beginning with another one each time, and print medians as ratios to `base`."""
    taken: dict[str, list[float]] = {name: [] for job in jobs for name in (job, *([RECORDED] if job == OURS else []))}
    names = list(jobs)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            result, recorded = timed(jobs[name])
            taken[name].append(result)
            if name == OURS:
                taken[RECORDED].append(recorded)
    print(f"\n{title}")
    for name, seconds in taken.items():
        ratio = statistics.median(
            taken_by_job / taken_by_base for taken_by_job, taken_by_base in zip(seconds, taken[base], strict=True)
        )
        spread = f"({min(seconds):.1f} to {max(seconds):.1f})"
        print(f"  {name:42s} {statistics.median(seconds):7.1f} s  {spread}  {ratio:6.2f} x", flush=True)


def trial_cost(root: Path, trials: int, rounds: int) -> None:
    """Short trials, without and with what a real training imports."""
    for imports in (False, True):
        compare(
            f"{trials} trials x 3 epochs, {'each process imports torch' if imports else 'nothing imported'}",
            {
                "stock Ray, reuse_actors=True": partial(stock, trials=trials, epochs=3, reuse=True, imports=imports),
                "stock Ray, default": partial(stock, trials=trials, epochs=3, reuse=False, imports=imports),
                OURS: partial(ours, trials=trials, epochs=3, root=root, imports=imports),
            },
            "stock Ray, reuse_actors=True",
            rounds,
        )


def result_cost(root: Path, trials: int, epochs: int, rounds: int) -> None:
    """Long trials: ours recorded in MLflow, Ray's not."""
    for every, title in ((0, "one checkpoint a trial"), (1, "one checkpoint an epoch")):
        compare(
            f"{trials} trials x {epochs} epochs, {title}",
            {
                NO_MLFLOW: partial(stock, trials=trials, epochs=epochs, reuse=True, every=every),
                OURS: partial(ours, trials=trials, epochs=epochs, root=root, every=every or epochs),
            },
            NO_MLFLOW,
            rounds,
        )


def mlflow_cost(root: Path, trials: int, epochs: int, rounds: int) -> None:
    """Both recorded in MLflow, each in its own way."""
    compare(
        f"{trials} trials x {epochs} epochs, recorded in MLflow",
        {
            "stock Ray, reuse_actors=True, its MLflow": partial(with_mlflow, trials=trials, epochs=epochs),
            OURS: partial(ours, trials=trials, epochs=epochs, root=root),
        },
        OURS,
        rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["trials", "results", "mlflow"], help="what to measure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=100)
    given = parser.parse_args()
    ray.init(
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=this_machine.OBJECT_STORE_BYTES,
        runtime_env={"env_vars": {"PYTHONPATH": str(REPOSITORY)}},
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ours(root, 1, 1, root=root)
        if "trials" in given.parts:
            trial_cost(root, given.trials, given.rounds)
        if "results" in given.parts:
            result_cost(root, given.trials, given.epochs, given.rounds)
        if "mlflow" in given.parts:
            mlflow_cost(root, given.trials, given.epochs // 4, given.rounds)
    ray.shutdown()


if __name__ == "__main__":
    main()
