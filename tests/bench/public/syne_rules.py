"""Syne Tune's schedulers through its own simulator, on the same groups and orders; in an environment of its own.

    python -m venv SYNE && SYNE/bin/pip install 'syne-tune[extra]' pyarrow
    SYNE/bin/python -m tests.bench.public.syne_rules FOLDER syne.npz
    python -m tests.bench.public.compare FOLDER --add syne.npz

Only schedulers that do not choose configurations: the recorded runs come in a given order. (Its pausing schedulers were
removed from Syne Tune in 0.14; population-based training needs configurations that can be changed on the way.)
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.config_space import choice, randint
from syne_tune.constants import ST_TUNER_TIME
from syne_tune.optimizer.baselines import RandomSearch
from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving
from syne_tune.optimizer.schedulers.median_stopping_rule import MedianStoppingRule

from tests.bench.public.groups import Group, load

EPOCH_SECONDS = 1000.0
"""An epoch lasts long, so that the simulator's own delays (0.05 s for each thing that happens) do not count."""
POLL_SECONDS = 250.0
MakeScheduler = Callable[[Group, list[int]], Any]


class Watch(SimulatorCallback):  # type: ignore[misc]  # Syne Tune comes without types
    """Notes how far each run was trained, and when the last result came."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: dict[int, int] = {}
        self.seconds = 0.0

    def on_trial_result(self, trial: Any, status: str, result: dict[str, Any], decision: str) -> None:
        super().on_trial_result(trial, status, result, decision)
        self.epochs[int(trial.config["run"])] = int(result["epoch"])
        self.seconds = max(self.seconds, float(result[ST_TUNER_TIME]))


def blackbox(group: Group) -> Any:
    """The recorded runs as a table. A run that ended early repeats its last value without taking time."""
    table = np.zeros((len(group.runs), 1, group.max_epochs, 2))
    for index, points in enumerate(group.runs):
        values = [point.value or 0.0 for point in points]
        values += [values[-1]] * (group.max_epochs - len(values))
        passed = np.minimum(np.arange(1, group.max_epochs + 1), len(points)) * EPOCH_SECONDS
        table[index, 0, :, 0] = values
        table[index, 0, :, 1] = passed + 1e-3 * np.arange(group.max_epochs)
    return BlackboxTabular(
        hyperparameters=pd.DataFrame({"run": range(len(group.runs)), "copy": 0}),
        configuration_space=space(group),
        fidelity_space={"epoch": randint(1, group.max_epochs)},
        objectives_evaluations=table,
        objectives_names=["metric", "elapsed_time"],
    )


def space(group: Group) -> dict[str, Any]:
    """Which run it is. Its table cannot be indexed by one name alone: there is another that says nothing."""
    return {"run": choice(list(range(len(group.runs)))), "copy": choice([0, 1])}


def points(order: list[int]) -> list[dict[str, int]]:
    """The configurations in their order."""
    return [{"run": run, "copy": 0} for run in order]


def ending(scheduler: Any, count: int) -> Any:
    """The scheduler, with nothing more to suggest after `count` configurations: then Syne Tune would draw at random."""
    suggest, calls = scheduler.suggest, itertools.count()
    scheduler.suggest = lambda: suggest() if next(calls) < count else None
    return scheduler


def outcome(group: Group, order: list[int], make: MakeScheduler, workers: int, table: Any) -> list[float]:
    """The columns of `virtual.COLUMNS` of one sweep."""
    watch = Watch()
    tuner = Tuner(
        trial_backend=UserBlackboxBackend(
            blackbox=table, elapsed_time_attr="elapsed_time", seed=0, tuner_sleep_time=POLL_SECONDS
        ),
        scheduler=ending(make(group, order), len(order)),
        stop_criterion=StoppingCriterion(max_num_trials_started=len(order)),
        n_workers=workers,
        sleep_time=0,
        callbacks=[watch],
        wait_trial_completion_when_stopping=True,
        save_tuner=False,
        suffix_tuner_name=False,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        tuner.run()
    reached = {run: min(epochs, len(group.runs[run])) for run, epochs in watch.epochs.items()}
    finished = {run for run, epochs in reached.items() if epochs == len(group.runs[run])}
    seen = max(point.value or 0.0 for run, epochs in reached.items() for point in group.runs[run][:epochs])
    top = max(group.best)
    return [
        sum(reached.values()) / group.epochs,
        (top - max((group.best[run] for run in finished), default=0.0)) / top,
        (top - seen) / top,
        float(group.best_run not in finished),
        watch.seconds / EPOCH_SECONDS * workers / group.epochs,
    ]


def asha(factor: float, grace: float, brackets: int) -> MakeScheduler:
    """Its ASHA, which is adapted from Ray's; `grace` as a share of a training."""

    def make(group: Group, order: list[int]) -> Any:
        return AsynchronousSuccessiveHalving(
            space(group),
            metric="metric",
            do_minimize=False,
            time_attr="epoch",
            max_t=group.max_epochs,
            grace_period=max(1, round(grace * group.max_epochs)),
            reduction_factor=factor,
            brackets=brackets,
            random_seed=0,
            searcher_kwargs={"points_to_evaluate": points(order)},
        )

    return make


def median(grace: float) -> MakeScheduler:
    """Its median rule over a given order."""

    def make(group: Group, order: list[int]) -> Any:
        inner = RandomSearch(space(group), metrics=["metric"], do_minimize=False, points_to_evaluate=points(order))
        return MedianStoppingRule(
            inner,
            time_attr="epoch",
            metric="metric",
            grace_time=max(1, round(grace * group.max_epochs)),
            do_minimize=False,
        )

    return make


RULES = {
    "Syne Tune ASHA, factor 3, grace 5%": asha(3, 0.05, 1),
    "Syne Tune ASHA, factor 3, grace 10%": asha(3, 0.10, 1),
    "Syne Tune ASHA, factor 3, grace 5%, 3 brackets": asha(3, 0.05, 3),
    "Syne Tune MedianStoppingRule, grace 5%": median(0.05),
    "Syne Tune MedianStoppingRule, grace 10%": median(0.10),
}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with runs.parquet and curves.parquet")
    parser.add_argument("out", type=Path, help="where the outcomes go, for `compare.py --add`")
    parser.add_argument("--orders", type=int, default=30)
    parser.add_argument("--workers", type=int, default=4)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    os.environ["SYNETUNE_FOLDER"] = tempfile.mkdtemp()  # it writes each sweep there, and nobody reads it
    groups = load(args.folder)
    tables = [blackbox(group) for group in groups]
    outcomes = {}
    for name, make in RULES.items():
        np.random.seed(0)
        rows = []
        for index, group in enumerate(groups):
            orders = [
                np.random.default_rng([order, index]).permutation(len(group.runs)).tolist()
                for order in range(args.orders)
            ]
            rows.append(np.mean([outcome(group, order, make, args.workers, tables[index]) for order in orders], axis=0))
        outcomes[name] = np.array(rows)
        print(name, 100 * outcomes[name].mean(axis=0).round(4), flush=True)
        np.savez(args.out, allow_pickle=False, **outcomes)


if __name__ == "__main__":
    main()
