"""A sweep that has ended, and what MLflow knows of it once its rows were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search.journal.events import Row
from search.journal.segments import read
from search.state.outcome import result
from search.sweep.environment import write_environment
from search.sweep.folder import SweepFolder
from tests.support.fakes import plan_of
from tests.support.workers import swept


def sweep(root: Path, sample: Path, name: str) -> tuple[SweepFolder, list[Row]]:
    """A sweep that has ended, in its folder, not in MLflow yet."""
    plan = plan_of(sample, name=name, trials=3, enqueue=["steady", "lost"], confirm_top=1, confirm_seeds=1, seed=4)
    folder = SweepFolder.create(root, plan.spec)
    coordinator = swept(plan, folder.journal)
    write_environment(put_log(folder, 0), {"quality": 0.6}, "f1ngerpr1nt")
    folder.best.mkdir()
    (folder.best / "settings.yaml").write_text("epochs: 4\n")
    checkpoint = folder.checkpoint(0, 4)
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text("{}")
    coordinator.end(result(coordinator.state))
    return folder, list(read(folder.journal))


def put_log(folder: SweepFolder, trial: int) -> Path:
    """A trial's own folder, with a log in it."""
    trial_folder = folder.trials / f"{trial:04d}"
    trial_folder.mkdir(parents=True)
    (trial_folder / "log.txt").write_text("epoch 1\n")
    return trial_folder


def runs(folder: SweepFolder) -> list[Any]:
    """The sweep's runs in MLflow: its own, then its trials' by number."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(folder.store(folder.spec()))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.`steadytune.sweep` LIKE '{folder.name}@%'"
    matching = client.search_runs(experiments, query)
    return sorted(matching, key=lambda run: int(run.data.tags.get("steadytune.trial", -1)))


def picture(folder: SweepFolder) -> list[dict[str, Any]]:
    """All that MLflow knows of the sweep, without its own identifiers."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(folder.store(folder.spec()))
    recorded = runs(folder)
    parent = recorded[0].info.run_id
    return [
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "times": (run.info.start_time, run.info.end_time),
            "params": run.data.params,
            "tags": {key: value for key, value in run.data.tags.items() if key.startswith("steadytune.")},
            "note": run.data.tags.get("mlflow.note.content", ""),
            "child": run.data.tags.get("mlflow.parentRunId") == parent,
            "points": {
                key: [
                    (point.step, str(point.value), point.timestamp)
                    for point in client.get_metric_history(run.info.run_id, key)
                ]
                for key in run.data.metrics
            },
            "files": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
        }
        for run in recorded
    ]


def written(folder: SweepFolder, rows: list[Row]) -> None:
    """Write `rows` of the sweep to MLflow."""
    from search.tracking.run_writer import RunWriter

    RunWriter(folder).write(rows)
