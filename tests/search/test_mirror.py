from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import plan_of
from workers import swept

from search.events import EpochDone, Row, SweepEnded, TrialStarted
from search.export import result
from search.folder import SweepFolder
from search.journal import read
from search.recorder import check_store, sync
from trainables.errors import SteadytuneError

# --- before a sweep ----------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_does_not_answer_is_named() -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(SteadytuneError, match=f"store is {uri}; no MLflow server answers there .*Connection refused"):
        check_store(uri)


@pytest.mark.parametrize("uri", ["mlruns", "/tmp/mlflow.db", "localhost:5000"])
def test_a_store_that_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(SteadytuneError, match=f"store is {uri}; it must be a tracking URI such as http://host:5000"):
        check_store(uri)


def test_a_database_that_is_not_there_yet_will_be_made(tmp_path: Path) -> None:
    check_store(f"sqlite:///{tmp_path / 'new' / 'deep' / 'mlflow.db'}")


def test_a_database_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SteadytuneError, match=r"file cannot be written; give another folder or --store"):
        check_store(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("notes")
    with pytest.raises(SteadytuneError, match=r"mlflow.db is no SQLite database; move it away or give --store"):
        check_store(f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_in_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(SteadytuneError, match=r"locked cannot be written; give another folder or --store"):
        check_store(f"sqlite:///{tmp_path / 'locked' / 'mlflow.db'}")


# --- the mirror --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """MLflow without telemetry, as the recorder's process has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DO_NOT_TRACK", "true")
        patch.setenv("GIT_PYTHON_REFRESH", "quiet")
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sweeps with one MLflow store: making its tables takes seconds."""
    return tmp_path_factory.mktemp("sweeps")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "digits"
    folder.mkdir()
    (folder / "data.txt").write_text("1\n")
    return folder


def sweep(root: Path, sample: Path, name: str) -> tuple[SweepFolder, list[Row]]:
    """A sweep that has ended, in its folder, not in MLflow yet."""
    made = plan_of(sample, name=name, trials=3, enqueue=["steady", "lost"], confirm_top=1, confirm_seeds=1, seed=4)
    folder = SweepFolder.create(root, made.spec)
    conductor = swept(made, folder.journal)
    folder.best.mkdir()
    (folder.best / "settings.yaml").write_text("epochs: 4\n")
    checkpoint = folder.checkpoint(0, 4)
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text("{}")
    conductor.end(result(conductor.state))
    return folder, list(read(folder.journal))


def runs(folder: SweepFolder) -> list[Any]:
    """The sweep's runs in MLflow: its own, then its trials' by number."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(folder.store(folder.spec()))
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    query = f"tags.`steadytune.sweep` LIKE '{folder.name}@%'"
    found = client.search_runs(experiments, query)
    return sorted(found, key=lambda run: int(run.data.tags.get("steadytune.trial", -1)))


def picture(folder: SweepFolder) -> list[dict[str, Any]]:
    """All that MLflow knows of the sweep, without its own identifiers."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(folder.store(folder.spec()))
    found = runs(folder)
    parent = found[0].info.run_id
    return [
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "times": (run.info.start_time, run.info.end_time),
            "params": run.data.params,
            "tags": {key: value for key, value in run.data.tags.items() if key.startswith("steadytune.")},
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
        for run in found
    ]


def mirrored(folder: SweepFolder, rows: list[Row]) -> None:
    from search.mirror import Mirror

    Mirror(folder).write(rows)


def test_a_sweep_becomes_a_run_with_a_child_for_each_trial(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "whole")
    mirrored(folder, rows)
    parent, *children = picture(folder)
    started = [row.event for row in rows if isinstance(row.event, TrialStarted)]
    assert parent["name"] == "whole"
    assert parent["status"] == "FINISHED"
    assert parent["params"]["trials"] == "3"
    assert parent["files"] == ["best"]
    assert len(children) == len(started) == 4
    assert all(child["child"] for child in children)
    assert [child["name"] for child in children] == ["0000 steady", "0001 lost", "0002", children[3]["name"]]
    assert children[3]["name"].endswith(" confirms 0000") or children[3]["name"].endswith(" confirms 0002")
    assert [child["status"] for child in children[:2]] == ["FINISHED", "FAILED"]
    assert children[1]["tags"]["steadytune.reason"] == "nonfinite"
    assert "not finite" in children[1]["tags"]["steadytune.detail"]
    assert children[0]["params"]["quality"] == "0.6"
    assert children[0]["files"] == ["checkpoints"]
    ended = rows[-1].event
    assert isinstance(ended, SweepEnded)
    assert parent["tags"]["steadytune.best_trial"] == str(ended.trial)
    assert parent["points"].keys() == ended.numbers.keys()


def test_every_epoch_is_one_point_of_each_metric(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "points")
    mirrored(folder, rows)
    for number, child in enumerate(picture(folder)[1:]):
        done = [row.event for row in rows if isinstance(row.event, EpochDone) and row.event.trial == number]
        for name in ("score", "loss/val", "rate/all", "seconds/train"):
            assert [point[0] for point in child["points"][name]] == [one.epoch for one in done]
        assert [float(point[1]) for point in child["points"]["score"]] == [one.metrics["score"] for one in done]


def test_a_journal_mirrored_twice_changes_nothing(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "twice")
    mirrored(folder, rows)
    before = picture(folder)
    mirrored(folder, rows)
    assert picture(folder) == before


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_a_mirror_cut_short_begins_again_and_completes(root: Path, sample: Path, share: float) -> None:
    folder, rows = sweep(root, sample, f"cut-{share}")
    whole, _ = sweep(root, sample, f"uncut-{share}")
    mirrored(folder, rows[: round(len(rows) * share)])
    mirrored(folder, rows)
    mirrored(whole, rows)

    def without_name(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found[0] |= {"name": "", "params": {**found[0]["params"], "name": ""}}
        for run in found:
            run["tags"].pop("steadytune.sweep")
        return found

    assert without_name(picture(folder)) == without_name(picture(whole))


def test_a_mirror_that_follows_in_small_steps_gives_the_same(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "steps")
    from search.mirror import Mirror

    mirror = Mirror(folder)
    for start in range(0, len(rows), 5):
        mirror.write(rows[start : start + 5])
    steps = picture(folder)
    mirrored(folder, rows)
    assert picture(folder) == steps


def test_sync_writes_what_the_journal_has(root: Path, sample: Path) -> None:
    folder, _ = sweep(root, sample, "synced")
    assert sync(folder, ended=lambda: True)
    assert [run.info.status for run in runs(folder)][:3] == ["FINISHED", "FINISHED", "FAILED"]
