"""MLflow's table as `steadytune browse NAME` opens it: each sweep of an experiment has a view of its own runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search.journal.segments import read
from search.sweep.folder import SweepFolder
from search.tracking.data_names import experiment_names
from search.tracking.sweep_id import sweep_id
from search.tracking.sync import sync
from search.tracking.table_view import COMMON_KEY, SHARED_VIEW, address, view_tag
from tests.support.recorded import runs, sweep, written

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("quiet")]  # writes MLflow's store
BASE = "http://here"


def browsed(folder: SweepFolder) -> str:
    """The address that `steadytune browse` prints for the sweep."""
    spec = folder.spec()
    return address(BASE, folder.store(spec), experiment_names(spec, None), sweep_id(folder))


def experiment_of(folder: SweepFolder) -> tuple[Any, Any]:
    """MLflow's client on the sweep's store, and the sweep's experiment."""
    from mlflow import MlflowClient

    client = MlflowClient(folder.store(folder.spec()))
    return client, client.get_experiment_by_name(experiment_names(folder.spec(), None)[0])


def listed(folder: SweepFolder) -> list[str]:
    """The ids of the runs that MLflow's page asks for at the sweep's address."""
    client, experiment = experiment_of(folder)
    key = browsed(folder).partition("viewStateShareKey=")[2].partition("&")[0]
    state = json.loads(experiment.tags[SHARED_VIEW + key])
    return [run.info.run_id for run in client.search_runs([experiment.experiment_id], state["searchFilter"])]


def test_each_of_two_sweeps_in_one_experiment_is_listed_alone(root: Path, sample: Path) -> None:
    folders = [sweep(root, sample, name) for name in ("night", "day")]
    for folder, rows in folders:
        written(folder, rows)
    night, day = (folder for folder, _ in folders)
    assert experiment_of(night)[1].experiment_id == experiment_of(day)[1].experiment_id
    for folder in (night, day):
        assert sorted(listed(folder)) == sorted(run.info.run_id for run in runs(folder))
    assert browsed(night) != browsed(day)


def test_a_sweep_that_was_renamed_keeps_its_view(root: Path, sample: Path) -> None:
    folder, rows = sweep(root, sample, "before")
    written(folder, rows)
    shown, ids = browsed(folder), listed(folder)
    folder.path.rename(folder.path.with_name("after"))
    renamed = SweepFolder(root, "after")
    assert browsed(renamed) == shown
    assert listed(renamed) == ids


def test_an_experiment_without_the_sweeps_view_opens_in_the_common_one_until_sync_writes_it(
    tmp_path: Path, sample: Path
) -> None:
    folder, rows = sweep(tmp_path, sample, "early")
    written(folder, rows)
    client, experiment = experiment_of(folder)
    number = experiment.experiment_id
    in_its_view = browsed(folder)
    client.delete_experiment_tag(number, view_tag(sweep_id(folder)))
    assert browsed(folder) == f"{BASE}/#/experiments/{number}/runs?workflowType=machine_learning"
    client.set_experiment_tag(number, SHARED_VIEW + COMMON_KEY, "{}")
    common = f"{BASE}/#/experiments/{number}/runs?viewStateShareKey=steadytune&workflowType=machine_learning"
    assert browsed(folder) == common
    assert sync(folder, ended=lambda: True)
    assert browsed(folder) == in_its_view


def test_a_journal_that_was_cut_is_listed_as_it_is_now(root: Path, sample: Path) -> None:
    """What was written before the cut stays in MLflow, under the tag that it had."""
    folder, rows = sweep(root, sample, "cut")
    written(folder, rows)
    before = listed(folder)
    (folder.journal / "0000000099-0000000199.set-aside").touch()
    written(folder, list(read(folder.journal)))
    assert len(listed(folder)) == len(before)
    assert not set(listed(folder)) & set(before)


def test_the_view_goes_with_the_sweep(root: Path, sample: Path) -> None:
    from search.tracking.removal import Removal

    (gone, rows), (stays, other_rows) = sweep(root, sample, "gone"), sweep(root, sample, "stays")
    written(gone, rows)
    written(stays, other_rows)
    Removal(gone).remove()
    tags = experiment_of(stays)[1].tags
    assert view_tag(sweep_id(gone)) not in tags
    assert view_tag(sweep_id(stays)) in tags


def test_without_an_experiment_the_first_page_opens(tmp_path: Path, sample: Path) -> None:
    folder, _ = sweep(tmp_path, sample, "unwritten")
    assert browsed(folder) == BASE
