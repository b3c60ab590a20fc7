"""What stands between a sweep and MLflow's store, before the first trial."""

from __future__ import annotations

import base64
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from search.tracking.store_check import check_store, experiment_on_server
from trainables.errors import SteadytuneError


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_does_not_answer_is_named() -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(SteadytuneError, match=f"store is {uri}; no MLflow server answers there .*Connection refused"):
        check_store(uri)


class Greeting(BaseRequestHandler):
    """A server of another kind, which speaks first."""

    def handle(self) -> None:
        self.request.recv(1024)
        self.request.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def test_a_server_of_another_kind_is_named() -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), Greeting) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{serving.server_address[1]}"
        with pytest.raises(SteadytuneError, match=f"store is {uri}; no MLflow server answers there .*SSH-2.0"):
            check_store(uri)
        assert experiment_on_server(uri, "digits") == ("", frozenset())
        serving.shutdown()


def test_a_port_that_is_no_number_is_named() -> None:
    with pytest.raises(SteadytuneError, match=r"store is http://host:500O; no MLflow server answers there .*500O"):
        check_store("http://host:500O")


class Server(BaseHTTPRequestHandler):
    """Answers 200 to requests with the right credentials, and `code` to others."""

    code = 401

    def do_GET(self) -> None:
        right = "Basic " + base64.b64encode(b"ada:secret").decode()
        self.send_response(200 if self.headers["Authorization"] == right else self.code)
        self.end_headers()
        if right == self.headers["Authorization"] and self.path.endswith("get-by-name?experiment_name=my+sweeps%2F1"):
            self.wfile.write(b'{"experiment": {"experiment_id": "7", "tags": [{"key": "mlflow.note", "value": ""}]}}')

    def log_message(self, *_: object) -> None:
        """Not on the tests' output."""


@pytest.fixture(params=[401])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    for name in ("USERNAME", "PASSWORD", "TOKEN", "AUTH"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Server, "code", request.param)
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_a_server_that_asks_for_credentials_says_what_to_set(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = rf"store is {server}; the server asks for credentials, and none are set \(401\); set MLFLOW_TRACKING_"
    with pytest.raises(SteadytuneError, match=asks):
        check_store(server)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    with pytest.raises(SteadytuneError, match=r"the server refuses the credentials \(401\)") as raised:
        check_store(server)
    assert "wrong" not in str(raised.value)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    check_store(server)


def test_a_servers_experiment_is_read_with_the_names_of_its_tags(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    none: tuple[str, frozenset[str]] = ("", frozenset())
    assert experiment_on_server(server, "my sweeps/1") == none
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert experiment_on_server(server, "my sweeps/1") == ("7", frozenset({"mlflow.note"}))
    assert experiment_on_server(server, "others") == none
    assert experiment_on_server(f"http://127.0.0.1:{free_port()}", "my sweeps/1") == none


def test_a_server_is_accepted_with_the_credentials_that_mlflow_keeps(server: str, tmp_path: Path) -> None:
    (tmp_path / ".mlflow").mkdir()
    lines = "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = secret\n"
    (tmp_path / ".mlflow" / "credentials").write_text(lines)
    check_store(server)


@pytest.mark.parametrize("server", [404], indirect=True)
def test_a_server_that_is_not_mlflow_is_named(server: str) -> None:
    with pytest.raises(SteadytuneError, match=f"store is {server}; it answers 404, so it is no MLflow server"):
        check_store(server)


@pytest.mark.parametrize("server", [503], indirect=True)
def test_a_server_without_its_database_is_accepted(server: str) -> None:
    check_store(server)


def test_a_server_is_accepted_where_a_plugin_signs_the_requests(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "a-plugin")
    check_store(server)


@pytest.mark.parametrize("uri", ["http://ada:secret@host:5000", "postgresql://ada:secret@host/mlflow"])
def test_a_password_in_the_address_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(SteadytuneError, match="store holds a password, which would be saved") as raised:
        check_store(uri)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("uri", ["mlruns", "/tmp/mlflow.db", "localhost:5000"])
def test_a_store_that_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(SteadytuneError, match=f"store is {uri}; it must be a tracking URI such as http://host:5000"):
        check_store(uri)


@pytest.mark.parametrize("sign", ["%41", "?", "#"])
def test_a_file_that_mlflow_would_read_as_another_is_refused(tmp_path: Path, sign: str) -> None:
    with pytest.raises(SteadytuneError, match=rf"would read '{re.escape(sign[0])}' in the file's name as an escape"):
        check_store(f"sqlite:///{tmp_path}/a{sign}b.db")
    check_store(f"sqlite:///{tmp_path}/a{sign}b/mlflow.db")
    check_store(f"sqlite:///{tmp_path}/a é:+&=b/mlflow.db")


def test_a_database_that_is_not_there_yet_is_accepted(tmp_path: Path) -> None:
    check_store(f"sqlite:///{tmp_path / 'new' / 'deep' / 'mlflow.db'}")


def test_a_database_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        SteadytuneError, match=r"file cannot be written; make it writable, or launch with another folder or --store"
    ):
        check_store(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("notes")
    with pytest.raises(SteadytuneError, match=r"mlflow.db is no SQLite database; move it away or give --store"):
        check_store(f"sqlite:///{tmp_path / 'mlflow.db'}")


def database(path: Path, *statements: str) -> str:
    """The address of a database with those statements in it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return f"sqlite:///{path}"


def of_version(path: Path, version: str) -> str:
    """A store as MLflow leaves it, as far as its version goes."""
    table = "create table alembic_version (version_num varchar(32) not null)"
    return database(path, table, f"insert into alembic_version values ('{version}')", "create table runs (x int)")


def test_a_store_of_an_older_mlflow_says_how_to_bring_it_up_to_date(tmp_path: Path) -> None:
    uri = of_version(tmp_path / "mlflow.db", "0a8213491aaa")  # of January 2020
    with pytest.raises(SteadytuneError, match=rf"is of an older MLflow than .*; copy it, .*mlflow db upgrade {uri}$"):
        check_store(uri)


def test_a_store_of_a_newer_mlflow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SteadytuneError, match=r"is of a newer MLflow than the installed \d+\.\d+\.\d+; install that"):
        check_store(of_version(tmp_path / "mlflow.db", "ffffffffffff"))


@pytest.mark.e2e
def test_the_version_that_mlflow_asks_for_is_accepted(tmp_path: Path) -> None:
    """Alembic's own reading of MLflow's migrations, in a process that may import it."""
    code = "from mlflow.store.db.utils import _get_latest_schema_revision as head; print(head())"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    check_store(of_version(tmp_path / "mlflow.db", asked.stdout.split()[-1]))


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    uri = database(tmp_path / "notes.db", "create table notes (text varchar)")
    with pytest.raises(SteadytuneError, match=r"notes\.db is another program's database; give another file"):
        check_store(uri)


def test_an_empty_database_is_accepted(tmp_path: Path) -> None:
    check_store(database(tmp_path / "mlflow.db"))


def test_a_database_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    of_version(tmp_path / "mlflow.db", "ffffffffffff")
    content = (tmp_path / "mlflow.db").read_bytes()
    (tmp_path / "mlflow.db").write_bytes(content[: len(content) // 2])
    with pytest.raises(SteadytuneError, match=r"mlflow.db cannot be read \(.*\); restore it from a copy"):
        check_store(f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_in_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(SteadytuneError, match=r"locked cannot be written; give another folder or --store"):
        check_store(f"sqlite:///{tmp_path / 'locked' / 'mlflow.db'}")
