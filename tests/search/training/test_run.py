"""`steadytune train`: what one training leaves, when it ends, and how it goes on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from search.pruning.stability import StabilitySettings
from search.training.record import TrainingRecord
from search.training.run import TrainingRequest, train
from tests.support.fakes import Curves
from trainables.errors import CheckpointError, SettingsError, TrainingLostError
from trainables.recipe import Epoch, no_checkpoint

Request = Callable[..., TrainingRequest]


@pytest.fixture
def request_of(tmp_path: Path) -> Request:
    data = Curves().sample(tmp_path / "data")

    def request(**values: object) -> TrainingRequest:
        out = tmp_path / "out"
        return TrainingRequest("tests.support.fakes:Curves", data, out, preset="short", values=values)

    return request


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_training_leaves_what_a_trainer_is_expected_to_leave(request_of: Request) -> None:
    request = request_of(quality=0.5)
    printed = list(train(request))
    out = request.out
    assert {path.name for path in out.iterdir()} == {
        *("best", "checkpoints", "environment.json", "last", "learning_curves.png", "log.txt", "metrics.csv"),
        *("settings.yaml", "stability.png"),
    }
    assert (out / "log.txt").read_text().splitlines() == printed
    assert (out / "best").resolve() == (out / "last").resolve() == (out / "checkpoints" / "epoch-0004").resolve()
    assert (out / "stability.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "environment.json").read_text())["data_fingerprint"]


def test_the_table_has_a_row_an_epoch_in_ultralytics_order(request_of: Request) -> None:
    request = request_of(first_value_at=2)
    list(train(request))
    table = rows(request.out)
    assert list(table[0]) == ["epoch", "time", "phase", "train", "score", "error", "val", "lr/all"]
    assert [row["epoch"] for row in table] == ["1", "2", "3", "4"]
    assert [row["time"] for row in table] == ["0.5", "1.0", "1.5", "2.0"]
    assert table[0]["score"] == ""
    assert float(table[1]["score"]) + float(table[1]["error"]) == 1


def test_a_folder_with_a_training_is_not_overwritten(request_of: Request) -> None:
    request = request_of()
    list(train(request))
    with pytest.raises(SettingsError, match=r"it holds a training \(metrics\.csv\): give another folder, or continue"):
        list(train(request))
    assert len(rows(request.out)) == 4


def test_a_training_without_a_checkpoint_is_not_advised_to_be_continued(request_of: Request) -> None:
    request = request_of(alarm_at=1)
    with suppress(TrainingLostError):
        list(train(request))
    with pytest.raises(
        SettingsError, match=r"it holds a training \(metrics\.csv\): give another folder, or delete that"
    ):
        list(train(request))


def test_a_finished_training_can_be_lengthened(request_of: Request) -> None:
    request = request_of(noise=0.1)
    list(train(request))
    longer = replace(request, values={**request.values, "epochs": 7}, resume=request.out / "last")
    printed = list(train(longer))
    assert [line.split(" ")[1] for line in printed if line.startswith("epoch ")] == ["5", "6", "7"]
    assert [row["epoch"] for row in rows(request.out)] == ["1", "2", "3", "4", "5", "6", "7"]
    scores = {int(row["epoch"]): float(row["score"]) for row in rows(request.out)}
    best = max(scores, key=scores.__getitem__)
    on_disk = {path.name for path in (request.out / "checkpoints").iterdir()}
    assert on_disk == {f"epoch-{best:04d}", "epoch-0007"}
    assert (request.out / "best").resolve().name == f"epoch-{best:04d}"


def test_a_resume_elsewhere_keeps_every_earlier_checkpoint(request_of: Request, tmp_path: Path) -> None:
    """What its best is, only the folder knows that the training began in."""
    request = request_of()
    list(train(request))
    (request.out / "metrics.csv").unlink()
    list(train(replace(request, values={"epochs": 6}, resume=request.out / "last")))
    assert {path.name for path in (request.out / "checkpoints").iterdir()} == {"epoch-0004", "epoch-0006"}


def test_a_resume_with_nothing_left_says_so(request_of: Request) -> None:
    request = request_of()
    list(train(request))
    before = (request.out / "metrics.csv").read_text()
    (sentence,) = train(replace(request, resume=request.out / "last"))
    assert sentence == (
        f"nothing is left to train: {request.out / 'last'} is of the last of 4 epochs; a larger number lengthens the"
        " training, such as --set epochs=5"
    )
    assert (request.out / "metrics.csv").read_text() == before


def test_metrics_called_like_other_columns_are_read_again_as_metrics(tmp_path: Path) -> None:
    """A function may yield whatever it likes, and a best epoch that is not read again would be deleted."""

    class Named(Curves):
        metric = "val/accuracy"

    def epoch(number: int, accuracy: float) -> Epoch:
        metrics = {"val/accuracy": accuracy, "lr/all": 0.5, "epoch": 7.5, "time": -1.0}
        return Epoch(number, "main", metrics, {"val": 1.0}, {"head": 0.1}, {"train": 2.0}, no_checkpoint)

    TrainingRecord(Named(), tmp_path).add(epoch(1, 0.9))
    record = TrainingRecord(Named(), tmp_path)
    record.take_earlier(epoch(2, 0.3))
    record.add(epoch(2, 0.3))
    first = record.epochs[0]
    assert (first.epoch, first.losses, first.rates) == (1, {"val": 1.0}, {"head": 0.1})
    assert first.metrics == {"val/accuracy": 0.9, "lr/all": 0.5}
    assert record.curve.best is not None
    assert record.curve.best.epoch == 1
    assert [row["time"] for row in rows(tmp_path)] == ["2.0", "4.0"]


def test_a_damaged_table_is_refused(request_of: Request) -> None:
    request = request_of()
    list(train(request))
    (request.out / "metrics.csv").write_text("epoch,time,phase\nnone,1,main\n")
    with pytest.raises(SettingsError, match=r"metrics\.csv line 2: is no row of a training's epochs"):
        list(train(replace(request, values={"epochs": 6}, resume=request.out / "last")))


def test_the_stop_rules_tell(request_of: Request) -> None:
    request = request_of(epochs=12, diverge_at=4)
    printed = list(train(request))
    warnings = [line for line in printed if "diverging" in line]
    assert len(warnings) == 1, "once, not after each epoch that follows"
    assert warnings[0].startswith("epoch 6: diverging (loss rose and stayed high): ")
    assert warnings[0].endswith("; --stop would end the training here")
    assert len(rows(request.out)) == 12


def test_the_stop_rules_end_it_if_asked_to(request_of: Request) -> None:
    request = replace(request_of(epochs=12, diverge_at=4), stop=True)
    with pytest.raises(TrainingLostError, match=r"^epoch 6: diverging .* the training is lost$"):
        list(train(request))
    assert len(rows(request.out)) == 6
    assert (request.out / "learning_curves.png").is_file()


def test_a_sound_training_that_is_stopped_is_not_lost(request_of: Request) -> None:
    stability = StabilitySettings(oscillation_cv=None, stale_epochs=2)
    request = replace(request_of(epochs=27, noise=0.3), stop=True, stability=stability)
    printed = list(train(request))
    assert [line for line in printed if line.endswith("; stopped") and ": stale (" in line]
    assert len(rows(request.out)) < 27


def test_a_training_whose_code_raises_is_lost_and_its_traceback_is_in_the_log(request_of: Request) -> None:
    request = request_of(raise_at=3)
    with pytest.raises(
        TrainingLostError, match=r"^epoch 3: RuntimeError: out of luck \(the traceback is in .*log\.txt"
    ):
        list(train(request))
    assert "Traceback (most recent call last)" in (request.out / "log.txt").read_text()
    assert (request.out / "last").resolve().name == "epoch-0002"


def test_losses_that_are_no_numbers_twice_end_it(request_of: Request) -> None:
    request = request_of(epochs=9, nan_at=3)
    with pytest.raises(TrainingLostError, match=r"^epoch 4: nonfinite: "):
        list(train(request))
    assert (request.out / "last").resolve().name == "epoch-0002", "no checkpoint of what is lost"


def test_a_checkpoint_of_another_recipe_is_refused_by_name(request_of: Request, tmp_path: Path) -> None:
    checkpoint = tmp_path / "epoch-0001"
    checkpoint.mkdir()
    (checkpoint / "state.pt").write_bytes(b"")
    (checkpoint / "settings.yaml").write_text("image_size: 64\n")
    with pytest.raises(CheckpointError, match="was not written by recipe curves"):
        list(train(replace(request_of(), preset=None, resume=checkpoint)))


@pytest.mark.e2e
def test_it_is_recorded_in_mlflow_where_asked(request_of: Request, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    list(train(replace(request_of(quality=0.5), store=uri)))
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("curves on data")
    assert experiment is None, "a folder called data is named after the one above"
    experiment = client.get_experiment_by_name(f"curves on {tmp_path.name}")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["steadytune.kind"] == "train"
    assert run.data.params["quality"] == "0.5"
    assert len(client.get_metric_history(run.info.run_id, "objective/last")) == 4
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"metrics.csv", "settings.yaml", "stability.png", "learning_curves.png", "log.txt"} <= files


@pytest.mark.e2e
def test_a_detector_gets_its_report_and_is_lengthened(tmp_path: Path) -> None:
    from trainables.samples.digits import write_yolo

    data = write_yolo(tmp_path / "digits", train=8, val=4, size=64)
    values = {"epochs": 1, "image_size": 64, "widths": [8, 8, 16, 16], "neck_channels": 8}
    request = TrainingRequest("resnet_yolo", data, tmp_path / "out", preset="tiny", values=values)
    printed = list(train(request))
    assert f"report: {tmp_path / 'out' / 'report.html'}" in printed
    assert "Confusion matrix: best epoch" in (tmp_path / "out" / "report.html").read_text()
    longer = replace(request, preset=None, values={"epochs": 2}, resume=tmp_path / "out" / "last")
    assert [line.split(" ")[1] for line in train(longer) if line.startswith("epoch ")] == ["2"]
