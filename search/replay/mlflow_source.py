"""Reads recorded trainings from an MLflow experiment, of steadytune or of any other program.

    metric              the objective's name
    train_loss, loss/train          the training loss: the first of the two that a run has
    val_loss, loss/val              the loss on held-out data, likewise
    parameter `epochs`  planned epochs; without it, those of the longest run

A run's epochs are the steps at which it logged the objective or a loss, in ascending order; an epoch lasts from the
time stamp of the one before to its own. Runs with the same number of planned epochs make one recording.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.pruning.curve import Curve, Point
from search.pruning.decision import STOPPED_EARLY
from search.replay.recording import Mode, Recording, Run, comparable
from search.sweep.uri import sqlite_file
from trainables.errors import DataError, nearest

TRAIN, HELD_OUT = ("train_loss", "loss/train"), ("val_loss", "loss/val")


def read_experiment(store: str, name: str, metric: str | None, mode: Mode) -> list[Recording]:
    """The runs of experiment `name` in the store at the tracking URI `store`.

    Raises:
        DataError: no store, no such experiment, no run with the metric, or no two comparable runs.
    """
    file = sqlite_file(store)
    if file and not file.is_file():  # MLflow would make an empty one
        raise DataError(f"--store is {store}; {file} does not exist; give the URI that the runs were logged to")
    client = MlflowClient(tracking_uri=store)
    try:
        experiment = client.get_experiment_by_name(name)
        names = [listed.name for listed in client.search_experiments()] if experiment is None else []
    except MlflowException as error:
        raise DataError(f"--store is {store}; MLflow cannot read it: {error.message}") from None
    if experiment is None:
        raise DataError(f"{name}: no such experiment in {store}; {nearest(name, names)}")
    listed_runs = _runs(client, experiment.experiment_id)
    # A sweep's own run is no training, a confirmation none of the search.
    runs = [run for run in listed_runs if run.data.tags.get("steadytune.kind", "search") == "search"]
    if metric is None:
        metrics = sorted({key for run in runs for key in run.data.metrics})
        raise DataError(f"{name}: which metric is the objective? give --metric, one of {', '.join(metrics)}")
    families: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if metric in run.data.metrics:
            families[run.data.params.get("epochs", "")].append(_run(client, run, metric, mode))
    recordings = [
        Recording(
            f"{name} ({planned} epochs)" if planned else name, metric, mode, _length(planned, family), tuple(family)
        )
        for planned, family in families.items()
    ]
    return comparable(recordings, f"{name}, {metric}")


def _runs(client: MlflowClient, experiment: str) -> list[Any]:
    runs: list[Any] = []
    page = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    runs += page
    while page.token:
        page = client.search_runs([experiment], order_by=["attributes.start_time ASC"], page_token=page.token)
        runs += page
    return runs


def _length(planned: str, runs: list[Run]) -> int:
    longest = max(run.curve.epoch for run in runs)
    return max(int(planned), longest) if planned.isdigit() else longest


def _run(client: MlflowClient, run: Any, metric: str, mode: Mode) -> Run:
    train, held_out = (next((key for key in keys if key in run.data.metrics), None) for keys in (TRAIN, HELD_OUT))
    columns = [
        {logged.step: logged for logged in client.get_metric_history(run.info.run_id, key)} if key else {}
        for key in (metric, train, held_out)
    ]
    points, seconds, before = [], [], run.info.start_time
    for epoch, step in enumerate(sorted({step for column in columns for step in column}), start=1):
        cells = [column.get(step) for column in columns]
        value, loss, val_loss = (cell.value if cell else None for cell in cells)
        points.append(Point(epoch, value, loss, val_loss))
        at = max(cell.timestamp for cell in cells if cell)
        seconds.append(max(1, at - before) / 1000)
        before = at
    tags = run.data.tags
    unfinished = tags.get("steadytune.status") in ("running", "waiting")  # "waiting": paused
    censored = unfinished or tags.get("steadytune.reason") in STOPPED_EARLY
    label = tags.get("mlflow.runName", run.info.run_id)
    return Run(label, Curve(mode, points), tuple(seconds), dict(run.data.params), censored=censored)
