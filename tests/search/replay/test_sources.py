from __future__ import annotations

from pathlib import Path

import pytest

from search.journal.events import SweepEnded
from search.replay.sources import read
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, reasons, swept
from trainables.errors import DataError


def test_a_sweep_is_read_from_its_journal(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "sweep"
    plan = plan_of(data, trials=6, preset="long", scheduler="stopping", grace_epochs=3)
    coordinator = swept(plan, folder / "journal")
    (folder / "sweep.yaml").write_text(plan.spec.dump())
    (recorded,) = read(folder)
    assert (recorded.metric, recorded.mode, recorded.max_epochs) == ("score", "max", 27)
    assert [run.curve.points for run in recorded.runs] == [
        trial.curve.points for trial in coordinator.state.trials.search
    ]
    ends = {trial.started.trial: trial.decision for trial in coordinator.state.trials.search}
    cut = {trial for trial, end in ends.items() if end and end.reason == "rung"}
    assert {int(run.name) for run in recorded.runs if run.censored} == cut
    assert cut


def test_a_trial_that_a_rule_ended_early_or_that_still_runs_was_not_trained_to_its_end(
    data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "sweeps" / "sweep"
    strict = {"strict": True, "oscillation_window": 5}
    names = ["steady", "good", "slow"]
    plan = plan_of(data, trials=3, preset="long", scheduler="none", enqueue=names, stability=strict, confirm_top=0)
    workers = Workers()
    coordinator = coordinator_of(plan, folder / "journal", workers)
    coordinator.open(2)
    workers.fill(coordinator)
    for trial in [0] * 27 + [1] * 5:
        workers.step(coordinator, trial)
    workers.fill(coordinator)
    workers.step(coordinator, 2)
    assert reasons(coordinator) == {0: "done", 1: "oscillating"}
    coordinator.end(SweepEnded(-1, "interrupted"))
    (folder / "sweep.yaml").write_text(plan.spec.dump())
    (recording,) = read(folder)
    assert [run.censored for run in recording.runs] == [False, True, True]


def test_a_table_has_a_row_an_epoch(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,epoch,map,train_loss\na,1,0.1,2\na,2,,1.5\nb,1,0.3,nan\nb,2,0.4,1\n")
    (recorded,) = read(path, "map")
    assert recorded.max_epochs == 2
    assert [[point.value for point in run.curve.points] for run in recorded.runs] == [[0.1, None], [0.3, 0.4]]
    assert str(recorded.runs[1].curve.points[0].loss) == "nan"


@pytest.mark.parametrize(
    ("text", "metric", "words"),
    [
        ("run,epoch,map\na,1,0.1\n", None, "which column is the metric"),
        ("run,epoch,map\na,1,0.1\n", "mpa", "no column 'mpa'; did you mean 'map'"),
        ("run,epoch,map\na,1,high\n", "map", "run a, row 1: map is 'high'; it must be a number or empty"),
        ("run,epoch,map\na,1,0.1\n", "map", "no two comparable trainings"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, text: str, metric: str | None, words: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read(path, metric)


def test_trainings_of_ultralytics_are_grouped_by_data_and_length(tmp_path: Path) -> None:
    header = "epoch, time, train/box_loss, train/cls_loss, metrics/mAP50-95(B), val/box_loss\n"
    for name, epochs, data in (("a", 2, "one.yaml"), ("b", 2, "one.yaml"), ("c", 2, "two.yaml")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "args.yaml").write_text(f"data: {data}\nepochs: {epochs}\nlr0: 0.01\n")
        (folder / "results.csv").write_text(header + "1, 9, 1.5, 0.5, 0.2, 1\n2, 9, 1, 0.5, 0, 0\n")
    (recorded,) = read(tmp_path)
    assert (recorded.name, [run.name for run in recorded.runs]) == ("one.yaml (2 epochs)", ["a", "b"])
    first, second = recorded.runs[0].curve.points
    assert (first.value, first.loss, first.held_out) == (0.2, 2.0, 1.0)
    assert second.value is None, "zeros in all that was validated mean that nothing was"
    assert recorded.runs[0].settings["lr0"] == 0.01


def test_a_log_of_yolox_has_losses_and_evaluations(tmp_path: Path) -> None:
    line = "2025-12-05 | INFO | yolox.core.trainer:260 - epoch: {}/3, iter: {}/20, mem: 1Mb, total_loss: {}, lr: 1e-3\n"
    ap = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = {}\n"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = line.format(1, 10, 4.0) + line.format(1, 20, 2.0) + ap.format(0.125) + line.format(2, 10, 1.5)
        (tmp_path / name / "train_log.txt").write_text(text)
    (recorded,) = read(tmp_path)
    assert [(point.loss, point.value) for point in recorded.runs[0].curve.points] == [(3.0, 0.125), (1.5, None)]


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sweep, no CSV file and no folder of trainings"):
        read(tmp_path / "nothing")


@pytest.mark.e2e  # writes MLflow's store
def test_an_experiment_of_mlflow_is_read_by_its_planned_epochs(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    from search.replay.mlflow_source import read_experiment

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(store)
    experiment = client.create_experiment("by hand", artifact_location=tmp_path.as_uri())
    runs: tuple[tuple[str, int, dict[str, str]], ...] = (
        ("a", 3, {}),
        ("b", 3, {"steadytune.kind": "search", "steadytune.reason": "done", "steadytune.status": "done"}),
        ("stale", 3, {"steadytune.kind": "search", "steadytune.reason": "stale", "steadytune.status": "stopped"}),
        ("running", 3, {"steadytune.kind": "search", "steadytune.status": "running"}),
        ("paused", 3, {"steadytune.kind": "search", "steadytune.status": "waiting"}),
        ("again", 3, {"steadytune.kind": "confirm"}),
        ("longer", 9, {}),
    )
    for index, (name, planned, own_tags) in enumerate(runs):
        tags = {"mlflow.runName": name, **own_tags}
        run = client.create_run(experiment, start_time=1000 + index, tags=tags).info.run_id
        client.log_param(run, "epochs", planned)
        for step in range(3):
            client.log_metric(run, "train_loss", 1 / (step + 1), timestamp=3000 + 2000 * step, step=step)
        client.log_metric(run, "map", 0.5, timestamp=3000, step=0)
        client.log_metric(run, "map", 0.7, timestamp=7000, step=2)
    (recorded,) = read_experiment(store, "by hand", "map", "max")
    assert (recorded.name, recorded.max_epochs) == ("by hand (3 epochs)", 3)
    assert [(run.name, run.censored) for run in recorded.runs] == [
        ("a", False),
        ("b", False),
        ("stale", True),
        ("running", True),
        ("paused", True),
    ]
    assert [(point.epoch, point.value, point.loss) for point in recorded.runs[0].curve.points] == [
        (1, 0.5, 1.0),
        (2, None, 0.5),
        (3, 0.7, pytest.approx(1 / 3)),
    ]
    assert recorded.runs[1].seconds == (1.999, 2.0, 2.0)
    for name, metric, words in (
        ("by hnad", "map", "no such experiment in .*; did you mean 'by hand'"),
        ("by hand", None, "give --metric, one of map, train_loss"),
        ("by hand", "mpa", "by hand, mpa: no two comparable trainings"),
    ):
        with pytest.raises(DataError, match=words):
            read_experiment(store, name, metric, "max")
    with pytest.raises(DataError, match=r"no.db does not exist; give the URI"):
        read_experiment(f"sqlite:///{tmp_path / 'no.db'}", "by hand", "map", "max")
    assert not (tmp_path / "no.db").exists()
