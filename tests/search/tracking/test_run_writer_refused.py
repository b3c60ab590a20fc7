"""Odd names are recorded under names that MLflow takes; what its store refuses is named, and the rest is recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.journal.events import EpochDone, Row
from tests.support.recorded import picture, runs, sweep, written

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("quiet")]  # writes MLflow's store


CLASSES = ("..", "a+b", "a_b", "a*b", "", "a//b", "C++", "हिन्दी", "x\0y")


def class_rows(rows: list[Row]) -> list[Row]:
    """The rows, with a value for each of `CLASSES` in every epoch."""

    def of_classes(event: Any) -> Any:
        if not isinstance(event, EpochDone):
            return event
        values = {f"score/{name}": index / 10 for index, name in enumerate(CLASSES)}
        return replace(event, metrics={**event.metrics, **values})

    return [replace(row, event=of_classes(row.event)) for row in rows]


def test_each_class_has_a_metric_of_its_own_whatever_its_name(root: Path, sample: Path) -> None:
    from search.tracking.mlflow_names import name_of

    folder, rows = sweep(root, sample, "classes")
    written(folder, class_rows(rows))
    points = {name_of(key): values for key, values in picture(folder)[1]["points"].items()}
    for index, name in enumerate(CLASSES):
        assert [point[0] for point in points[f"score/{name}"]] == [1, 2, 3, 4]
        assert {float(point[1]) for point in points[f"score/{name}"]} == {index / 10}


def test_what_the_store_refuses_is_named_once_and_the_rest_is_recorded(
    root: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store with rules of its own, such as an older MLflow, or one on Windows."""
    from search.tracking import experiment
    from search.tracking.run_writer import RunWriter

    folder, rows = sweep(root, sample, "refused")
    monkeypatch.setattr(experiment, "key", lambda name: name)
    messages: list[str] = []
    RunWriter(folder, messages.append).write(class_rows(rows))
    parent, *children = picture(folder)
    assert [run["status"] for run in (parent, *children[:2])] == ["FINISHED", "FINISHED", "FAILED"]
    assert {"score", "score/a_b", "loss/val", "objective/steady"} <= children[0]["points"].keys()
    assert len(children[0]["points"]["score"]) == 4
    assert {"checkpoints", "log.txt", "stability.png"} <= set(children[0]["files"])
    assert messages[0].startswith("MLflow refuses the metric 'score/")
    assert len(messages) == len(set(messages)) == 6, "five, and one that says that there are more"
    refused = parent["tags"]["steadytune.refused"].split("; ")
    assert {"the metric 'score/..'", "the metric 'score/a+b'", "the metric 'score/a*b'"} <= set(refused)


def test_a_run_that_somebody_deleted_is_left_alone(root: Path, sample: Path) -> None:
    from mlflow.tracking import MlflowClient

    from search.tracking.run_writer import RunWriter

    folder, rows = sweep(root, sample, "deleted")
    messages: list[str] = []
    run_writer = RunWriter(folder, messages.append)
    half, trial = next(
        (index + 1, row.event.trial) for index, row in enumerate(rows) if isinstance(row.event, EpochDone)
    )
    run_writer.write(rows[:half])
    deleted = next(run for run in runs(folder) if run.data.tags.get("steadytune.trial") == str(trial))
    MlflowClient(folder.store(folder.spec())).delete_run(deleted.info.run_id)
    run_writer.write(rows[half:])
    assert messages[0].startswith(f"MLflow refuses run {deleted.info.run_id} (")
    assert picture(folder)[0]["status"] == "FINISHED", "the sweep's run"


def test_files_that_cannot_be_stored_are_named(root: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact root on the server's own disk: https://github.com/mlflow/mlflow/issues/212."""
    from mlflow.tracking import MlflowClient

    from search.tracking.run_writer import RunWriter

    def log_artifacts(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/mlflow")

    monkeypatch.setattr(MlflowClient, "log_artifacts", log_artifacts)
    folder, rows = sweep(root, sample, "no-files")
    messages: list[str] = []
    RunWriter(folder, messages.append).write(rows)
    parent, *children = picture(folder)
    assert (parent["status"], parent["files"], children[0]["status"]) == ("FINISHED", [], "FINISHED")
    assert "Permission denied: '/mlflow'" in messages[0]


def test_an_experiment_that_was_deleted_is_named_with_what_to_do(tmp_path: Path, sample: Path) -> None:
    from mlflow.tracking import MlflowClient

    from search.tracking.run_writer import RunWriter
    from trainables.errors import SteadytuneError

    folder, rows = sweep(tmp_path, sample, "gone")
    written(folder, rows[:5])
    client = MlflowClient(folder.store(folder.spec()))
    experiment = client.search_experiments(order_by=["creation_time DESC"])[0]
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(SteadytuneError, match="was deleted in the MLflow store"):
        RunWriter(folder)


def test_a_folder_whose_name_is_no_part_of_a_uri_holds_its_own_store(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.tracking.run_writer import RunWriter

    monkeypatch.chdir(tmp_path)  # put back at the end: the recorder's process changes its working folder
    odd = tmp_path / "100% a%41#b?c:d 'q' наука"
    folder, rows = sweep(odd, sample, "odd")
    run_writer = RunWriter(folder)
    run_writer.write(rows)
    experiment = run_writer._experiment
    assert len(list(experiment.runs("tags.`steadytune.sweep` LIKE 'odd@%'"))) == 5
    assert {"mlflow.db", "artifacts", "odd"} == {path.name for path in odd.iterdir()}
    assert [path.name for path in tmp_path.iterdir()] == [odd.name]
    files = [file.path for file in experiment.client.list_artifacts(run_writer._sweep_run)]
    assert files == ["best", "figures", "report.html"]
