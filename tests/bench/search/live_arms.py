"""The three systems of `live.py`, each on the same recipe and the same space, and what each hands back.

    python -m tests.bench.search.live_arms ray|optuna|again JOB.json

`ray` ends by itself; `optuna`, one of its two processes, is ended from outside. `again` trains a configuration on one
seed after another, and prints what each reached as a line of JSON.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
import ray
from optuna.storages.journal import JournalFileBackend
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler
from ray.tune.search.optuna import OptunaSearch

from search.python_api import Sweep
from search.state.outcome import finalists
from search.sweep.plan import Plan, draw, make_plan
from search.sweep.spec import read_spec
from trainables.recipe import Epoch

NAME = "live"
WORST = 0.0
"""What Ray and Optuna are told of an epoch without a value: no metric that is compared here can be lower."""


@dataclass(frozen=True)
class Job:
    """What a system searches.

    Attributes:
        spec: fields of a sweep: recipe, preset, data and pinned settings.
        seed: of the search and of its trainings.
        minutes: from the start of the system's process to its end.
        folder: what it writes to.
    """

    spec: dict[str, Any]
    seed: int
    minutes: float
    folder: Path

    def save(self, file: Path, **more: Any) -> Path:
        """Write it as JSON, for a process of its own."""
        file.write_text(json.dumps({**asdict(self), "folder": str(self.folder), **more}))
        return file

    @property
    def plan(self) -> Plan:
        """Its space and its settings."""
        return make_plan(read_spec({**self.spec, "name": NAME, "seed": self.seed}, NAME))


@dataclass(frozen=True)
class Best:
    """What a system handed back, and what it took.

    Attributes:
        settings: of its best configuration.
        value: what the system itself gave it.
        trainings: that were started.
        epochs: of these together; in ours also those of the confirmation.
    """

    settings: dict[str, Any]
    value: float
    trainings: int
    epochs: int


def best_of_ray(job: Job) -> Best:
    """By the last value of each trial, as Ray's `get_best_result` does by default."""
    files = sorted(job.folder.glob("ray/*/result.json"))
    trials = [[json.loads(line) for line in file.read_text().splitlines()] for file in files]
    started = [rows for rows in trials if rows]
    best = max(started, key=lambda rows: float(rows[-1]["value"]))
    epochs = sum(len(rows) for rows in started)
    return Best(_settings(job.plan, best[-1]["config"]), best[-1]["value"], len(started), epochs)


def best_of_optuna(job: Job) -> Best:
    """The best trial of the study: of those that were trained to their end."""
    trials = _study(job).get_trials(deepcopy=False)
    best = _study(job).best_trial
    assert best.value is not None
    epochs = sum(len(trial.intermediate_values) for trial in trials)
    return Best(_settings(job.plan, best.params), best.value, len(trials), epochs)


def best_of_ours(job: Job) -> Best:
    """The winner of the sweep, after its confirmation."""
    sweep = Sweep(NAME, job.folder / "sweeps")
    winner = finalists(sweep.state)[0]
    settings = dict(winner.trial.started.settings)
    return Best(settings, winner.mean, len(sweep.state.trials), len(sweep.curves()))


BEST_OF: dict[str, Callable[[Job], Best]] = {"ours": best_of_ours, "ray": best_of_ray, "optuna": best_of_optuna}


def _settings(plan: Plan, params: dict[str, Any]) -> dict[str, Any]:
    """Of a trial, from what Optuna's distributions gave."""
    return dict(draw(plan, optuna.trial.FixedTrial(params)))


def _epochs(plan: Plan, data: Any, drawn: dict[str, Any], seed: int) -> Iterator[Epoch]:
    """A training, until its end or until the recipe knows that it is lost."""
    with tempfile.TemporaryDirectory() as workdir:
        for epoch in plan.recipe.train(plan.settings(drawn, seed), data, Path(workdir)):
            yield epoch
            if epoch.alarm:
                return


def _space(job: Job, trial: optuna.Trial) -> None:
    draw(job.plan, trial)


class Training(tune.Trainable):  # type: ignore[misc]
    """The recipe as Ray's class trainable, whose actor trains one trial after another."""

    def setup(self, config: dict[str, Any], job: Job) -> None:
        self._plan, self._seed = job.plan, job.seed
        self._data = self._plan.recipe.open(Path(self._plan.spec.data))
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._running = _epochs(self._plan, self._data, _settings(self._plan, new_config), self._seed)
        return True

    def step(self) -> dict[str, Any]:
        epoch = next(self._running, None)
        if epoch is None:  # it was lost in its last epoch
            return {"value": WORST, "done": True}
        last = epoch.epoch == self._plan.max_epochs
        return {"value": epoch.metrics.get(self._plan.recipe.metric, WORST), "done": last}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """None is asked for."""


def search_by_ray(job: Job, seconds: float) -> None:
    """OptunaSearch and ASHA by their defaults, on two reused actors."""
    plan = job.plan
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    tune.Tuner(
        tune.with_parameters(Training, job=job),
        tune_config=tune.TuneConfig(
            num_samples=-1,
            # Ray pickles its searcher, so the space has to be a function of the module.
            search_alg=OptunaSearch(
                functools.partial(_space, job), metric="value", mode=plan.recipe.mode, seed=job.seed
            ),
            scheduler=AsyncHyperBandScheduler(
                time_attr="training_iteration", metric="value", mode=plan.recipe.mode, max_t=plan.max_epochs
            ),
            max_concurrent_trials=2,
            reuse_actors=True,
            time_budget_s=seconds,
        ),
        run_config=tune.RunConfig(name="ray", storage_path=str(job.folder), verbose=0),
    ).fit()


def _study(job: Job, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    backend = JournalFileBackend(str(job.folder / "optuna.journal"))
    plan = job.plan
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=NAME,
        sampler=sampler,
        pruner=optuna.pruners.HyperbandPruner(1, plan.max_epochs),
        direction="maximize" if plan.recipe.mode == "max" else "minimize",
        load_if_exists=True,
    )


def search_by_optuna(job: Job, process: int) -> None:
    """TPE and Hyperband by their defaults, in one of two processes, until it is ended from outside."""
    plan = job.plan
    data = plan.recipe.open(Path(plan.spec.data))

    def objective(trial: optuna.Trial) -> float:
        value = WORST
        for epoch in _epochs(plan, data, draw(plan, trial), job.seed):
            value = WORST if epoch.alarm else epoch.metrics.get(plan.recipe.metric, WORST)
            trial.report(value, epoch.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    _study(job, optuna.samplers.TPESampler(seed=2 * job.seed + process)).optimize(objective)


def train_again(job: Job, settings: dict[str, Any], seeds: list[int]) -> None:
    """On one seed after another; a training that is lost early keeps the best that it had, as its checkpoint does."""
    plan = job.plan
    data = plan.recipe.open(Path(plan.spec.data))
    for seed in seeds:
        values = [epoch.metrics.get(plan.recipe.metric) for epoch in _epochs(plan, data, settings, seed)]
        evaluated = [value for value in values if value is not None]
        print(json.dumps({"seed": seed, "best": max(evaluated), "last": evaluated[-1]}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("ray", "optuna", "again"))
    parser.add_argument("job", type=Path)
    given = parser.parse_args()
    described = json.loads(given.job.read_text())
    more = {name: described.pop(name) for name in ("seconds", "process", "settings", "seeds") if name in described}
    job = Job(**{**described, "folder": Path(described["folder"])})
    functions: dict[str, Callable[..., None]] = {
        "ray": search_by_ray,
        "optuna": search_by_optuna,
        "again": train_again,
    }
    functions[given.what](job, **more)


if __name__ == "__main__":
    main()
