"""A user's session with a sweep in the background, steered by hand, while its process is killed again and again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support.session import Session

pytestmark = pytest.mark.e2e


def test_a_session_in_which_the_sweep_is_killed_again_and_again_has_every_number_right(tmp_path: Path) -> None:
    session = Session(tmp_path, kills=3, seed=1)
    session.run()
    counted = session.check()
    assert counted["kills"] >= 2
    database = sqlite3.connect(tmp_path / "sweeps" / "mlflow.db")
    assert database.execute("select count(*) from runs").fetchone() == (counted["trials"] + 1,)
    assert database.execute("select count(*) from runs where status = 'RUNNING'").fetchone() == (0,)
    stopped = "select value from tags where key = 'steadytune.reason' and value = 'by_hand'"
    assert database.execute(stopped).fetchall() == [("by_hand",)]
    session.delete()
    assert not session.sweep.path.exists()
    assert database.execute("select count(*) from runs").fetchone() == (0,)
    assert database.execute("select count(*) from registered_models").fetchone() == (0,)
    assert not [path for path in (tmp_path / "sweeps" / "artifacts").rglob("*") if path.is_file()]
