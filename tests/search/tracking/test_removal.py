"""What MLflow holds of a sweep goes with it, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.sweep.folder import SweepFolder
from tests.support.fakes import spec_of
from tests.support.recorded import runs, sweep, written

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("quiet")]  # writes MLflow's store


def test_a_sweep_that_never_ran_has_no_runs_in_the_store_that_it_shares(root: Path, sample: Path) -> None:
    from search.tracking.removal import Removal, rename_run

    folder, rows = sweep(root, sample, "ran")
    written(folder, rows)
    names = {run.info.run_id: run.info.run_name for run in runs(folder)}
    interrupted = SweepFolder.create(root, spec_of(sample, name="interrupted"))  # before its first row
    assert Removal(interrupted).recorded.runs == ()
    rename_run(interrupted, "other")
    assert {run.info.run_id: run.info.run_name for run in runs(folder)} == names
