"""What stands between a sweep and MLflow's store, before the first trial."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from search.recorder import check_store
from trainables.errors import SteadytuneError


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
