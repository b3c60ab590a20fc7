"""A sweep's journal as MLflow's runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from search.control.reopen import extend
from search.journal.events import Decided, EpochDone, SweepEnded, SweepExtended, TrialStarted
from search.journal.segments import Journal, read
from search.state.extension import taken_back
from search.state.outcome import result
from search.sweep.environment import environment
from search.sweep.folder import SweepFolder
from search.tracking.sync import sync
from search.tracking.table_view import view
from search.tracking.trial_record import result_metrics
from tests.support.fakes import plan_of
from tests.support.recorded import picture, runs, sweep, written
from tests.support.workers import Workers, coordinator_of, swept
from trainables.errors import DataError

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("quiet")]  # writes MLflow's store


def test_a_sweep_becomes_a_run_with_a_child_for_each_trial(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "whole")
    written(folder, rows)
    parent, *children = picture(folder)
    started = [row.event for row in rows if isinstance(row.event, TrialStarted)]
    assert parent["name"] == "whole"
    assert parent["status"] == "FINISHED"
    assert parent["params"]["trials"] == "3"
    assert parent["files"] == ["best", "figures", "report.html"]
    assert "Winner: trial" in parent["note"]
    assert len(children) == len(started) == 4
    assert all(child["child"] for child in children)
    assert [child["name"] for child in children] == ["0000 steady", "0001 lost", "0002", children[3]["name"]]
    assert children[3]["name"].endswith(" confirms 0000") or children[3]["name"].endswith(" confirms 0002")
    assert [child["status"] for child in children[:2]] == ["FINISHED", "FAILED"]
    assert children[1]["tags"]["steadytune.reason"] == "nonfinite"
    assert "not finite" in children[1]["tags"]["steadytune.detail"]
    assert children[0]["params"]["quality"] == "0.6"
    assert children[0]["files"] == [
        "checkpoints",
        "environment.json",
        "log.txt",
        "phases.md",
        "settings.yaml",
        "stability.png",
    ]
    ended = rows[-1].event
    assert isinstance(ended, SweepEnded)
    assert parent["tags"]["steadytune.best_trial"] == str(ended.trial)
    assert parent["points"].keys() == result_metrics(ended).keys()


def test_the_sweeps_run_is_sorted_among_its_trials_by_its_latest_result(root: Path, sample: Path) -> None:
    """MLflow puts a run without the column last: behind the first page, if the sweep has more than 100 trials."""
    folder, rows = sweep(root, sample, "sorted")
    column = json.loads(view(folder.plan(), "sorted"))["orderByKey"].removeprefix("metrics.").strip("`")
    written(folder, rows)
    ended = rows[-1].event
    assert isinstance(ended, SweepEnded)
    assert runs(folder)[0].data.metrics[column] == ended.numbers["mean"]
    journal = Journal(folder.journal)
    journal.append(SweepExtended({"trials": [3, 4]}))
    journal.append(SweepEnded(2, "", {**ended.numbers, "mean": 0.1}))
    journal.flush()
    written(folder, list(read(folder.journal)))
    assert runs(folder)[0].data.metrics[column] == 0.1, "also if it is lower"


def test_the_sweeps_run_is_no_recorded_training(root: Path, sample: Path) -> None:
    """It has the objective's column too, as its trials have."""
    from search.replay.mlflow_source import read_experiment
    from search.tracking.data_names import experiment_names

    folder, rows = sweep(root, sample, "replayed")
    written(folder, rows)
    (name,) = experiment_names(folder.spec(), None)
    (recording,) = read_experiment(folder.store(folder.spec()), name, "objective/value", "max")
    assert {run.name for run in recording.runs} >= {"0000 steady", "0002"}
    assert "replayed" not in {run.name for run in recording.runs}
    with pytest.raises(DataError, match="give --metric, one of ") as raised:
        read_experiment(folder.store(folder.spec()), name, None, "max")
    assert ", std" not in str(raised.value), "what only the sweep's run has is no objective of trials"


def test_a_trial_tells_its_decision_its_steadiness_and_its_machine_in_tags(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "tags")
    written(folder, rows)
    steady = picture(folder)[1]["tags"]
    decided = next(row.event for row in rows if isinstance(row.event, Decided) and row.event.reason == "done")
    assert steady["steadytune.detail"] == decided.detail
    assert (steady["steadytune.recipe"], steady["steadytune.preset"]) == ("tests.support.fakes:Curves", "short")
    assert float(steady["steadytune.steadiness.loss_cv"]) > 0
    assert steady["steadytune.data_fingerprint"] == "f1ngerpr1nt"
    assert steady["steadytune.version.optuna"] == environment()["versions"]["optuna"]


def test_a_rungs_numbers_are_tags(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "rungs")
    written(folder, rows)
    stopped = [row.event for row in rows if isinstance(row.event, Decided) and row.event.reason == "rung"]
    final = {event.trial: event for event in stopped if event.action == "stop"}
    children = picture(folder)[1:]
    for trial, event in final.items():
        assert children[trial]["tags"]["steadytune.decision.rank"] == f"{event.numbers['rank']:g}"
    assert {run["tags"]["steadytune.status"] for run in children} <= {"done", "stopped"}


def test_the_columns_to_sort_by_follow_the_curve(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "columns")
    written(folder, rows)
    checked = 0
    for number, child in enumerate(picture(folder)[1:]):
        epochs = [row.event for row in rows if isinstance(row.event, EpochDone) and row.event.trial == number]
        scores = [event.metrics["score"] for event in epochs if "score" in event.metrics]
        if scores:
            points = child["points"]
            assert [float(point[1]) for point in points["objective/last"]] == scores
            assert float(points["objective/best"][-1][1]) == max(scores)
            assert float(points["objective/steady"][-1][1]) == pytest.approx(sum(scores[-3:]) / len(scores[-3:]))
            checked += 1
    assert checked >= 3


def test_rows_whose_writing_failed_are_written_again_without_being_counted_twice(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "again")
    from search.tracking.run_writer import RunWriter

    run_writer = RunWriter(folder)
    half = len(rows) // 2
    run_writer.write(rows[:half])
    run_writer.write(rows[half // 2 :])
    again = picture(folder)
    written(folder, rows)
    assert picture(folder) == again


def test_every_epoch_is_one_point_of_each_metric(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "points")
    written(folder, rows)
    children = picture(folder)[1:]
    assert len(children) == 4
    for number, child in enumerate(children):
        done = [row.event for row in rows if isinstance(row.event, EpochDone) and row.event.trial == number]
        assert done
        for name in ("score", "loss/val", "rate/all", "seconds/train"):
            assert [point[0] for point in child["points"][name]] == [report.epoch for report in done]
        assert [float(point[1]) for point in child["points"]["score"]] == [report.metrics["score"] for report in done]


def test_a_journal_written_twice_changes_nothing(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "twice")
    written(folder, rows)
    before = picture(folder)
    written(folder, rows)
    assert picture(folder) == before


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_a_recorder_cut_short_begins_again_and_completes(root: Path, sample: Path, share: float) -> None:
    folder, rows = sweep(root, sample, f"cut-{share}")
    uncut, _ = sweep(root, sample, f"uncut-{share}")
    written(folder, rows[: round(len(rows) * share)])
    written(folder, rows)
    written(uncut, rows)

    def without_name(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        runs[0] |= {"name": "", "params": {**runs[0]["params"], "name": ""}}
        for run in runs:
            run["tags"].pop("steadytune.sweep")
        return runs

    assert without_name(picture(folder)) == without_name(picture(uncut))


def test_a_recorder_that_follows_in_small_steps_gives_the_same(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "steps")
    from search.tracking.run_writer import RunWriter

    run_writer = RunWriter(folder)
    for start in range(0, len(rows), 5):
        run_writer.write(rows[start : start + 5])
    steps = picture(folder)
    written(folder, rows)
    assert picture(folder) == steps


def test_a_sweep_that_was_interrupted_does_not_look_as_if_it_ran(root: Path, sample: Path) -> None:
    from search.tracking.run_writer import RunWriter

    folder, rows = sweep(root, sample, "interrupted")
    run_writer = RunWriter(folder)
    run_writer.write(rows[:20])
    run_writer.finish()
    assert picture(folder)[0]["tags"]["steadytune.status"] == "interrupted"
    RunWriter(folder).write(rows[:20])
    assert picture(folder)[0]["tags"]["steadytune.status"] == "running"


def test_a_sweep_without_an_exported_checkpoint_says_that_no_model_is_registered(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "nothing-kept")
    written(folder, rows)
    tag = picture(folder)[0]["tags"]["steadytune.model"]
    assert tag.startswith("not registered: best/ holds no export with a checkpoint; write it with")


def test_a_sweep_that_was_given_more_continues_in_its_runs(root: Path, sample: Path, tmp_path: Path) -> None:
    """Trials that were paused when it ended go on in the runs that they had; all is as if it had been written once."""
    fields: dict[str, Any] = {"name": "more", "confirm_top": 1, "confirm_seeds": 1, "seed": 4, "audit": 0.0}
    plan = plan_of(sample, trials=8, **fields)
    folder = SweepFolder.create(root, plan.spec)
    workers = Workers()
    coordinator = swept(plan, folder.journal, workers)
    coordinator.end(result(coordinator.state))
    written(folder, list(read(folder.journal)))
    ended = {run.data.tags["steadytune.trial"]: run.info.run_id for run in runs(folder)[1:]}

    folder.change(trials=20)
    more = folder.plan()
    extend(more, folder)
    again = coordinator_of(more, folder.journal, workers)
    again.restore(read(folder.journal))
    again.open(2)
    workers.run(again)
    again.end(result(again.state))
    rows = list(read(folder.journal))
    assert taken_back(rows)
    written(folder, rows)

    assert {run.info.status for run in runs(folder)} == {"FINISHED"}, "a stopped trial is no crash"
    assert runs(folder)[0].data.tags["steadytune.status"] == "ended"
    assert {run.data.tags["steadytune.trial"]: run.info.run_id for run in runs(folder)[1:]}.items() >= ended.items()
    copy = SweepFolder(tmp_path, "more")
    shutil.copytree(folder.path, copy.path)
    written(copy, rows)
    for continued, once in zip(picture(folder), picture(copy), strict=True):
        for picture_of_run in (continued, once):
            picture_of_run["params"].pop("trials", None)  # MLflow's parameters cannot be changed
            if not picture_of_run["child"]:
                picture_of_run.pop("points")  # the first result stays in the history of the second
        assert continued == once


def test_sync_writes_what_the_journal_has(root: Path, sample: Path) -> None:
    folder, _ = sweep(root, sample, "synced")
    assert sync(folder, ended=lambda: True)
    assert [run.info.status for run in runs(folder)][:3] == ["FINISHED", "FINISHED", "FAILED"]
