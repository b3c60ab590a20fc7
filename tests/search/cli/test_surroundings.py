"""The command line where the environment is not what it expects."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import requests

from search.cli.surroundings import have_home_and_name, reach_this_machine_directly
from tests.support.terminal import Steadytune

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_server_on_this_machine_is_not_behind_a_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy answered in MLflow's place: https://github.com/mlflow/mlflow/issues/14373."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(variable, PROXY)
    monkeypatch.setenv("no_proxy", "intranet.example")
    reach_this_machine_directly(os.environ)
    for host in ("127.0.0.1", "localhost", socket.gethostname(), "intranet.example"):
        assert urllib.request.proxy_bypass(host)
        assert requests.utils.should_bypass_proxies(f"http://{host}:5000/api", no_proxy=None)
    assert not urllib.request.proxy_bypass("mlflow.example")


def test_without_a_proxy_nothing_is_set() -> None:
    environment = {"HOME": "/home/me"}
    reach_this_machine_directly(environment)
    assert environment == {"HOME": "/home/me"}
    everything = {"http_proxy": PROXY, "no_proxy": "*"}
    reach_this_machine_directly(everything)
    assert everything["no_proxy"] == "*"


def test_a_folder_that_was_deleted_is_named(steadytune: Steadytune, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    os.chdir(gone)
    gone.rmdir()
    try:
        code, output, error = steadytune("status")
    finally:
        os.chdir(before)
    assert (code, output) == (2, "")
    assert error == "steadytune: the current folder was deleted; change to one that exists (cd), then try again\n"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_a_terminal_that_lacks_a_sign_shows_another(variables: dict[str, str], sweeps: Path) -> None:
    """As in containers: https://github.com/Textualize/rich/issues/212, AnswerDotAI/fastprogress#21, progress#53."""
    status = subprocess.run(
        [sys.executable, "-m", "search", "status", "sweep", "--sweeps", str(sweeps)],
        env=os.environ | variables,
        capture_output=True,
        check=True,
    )
    assert b"*" in status.stdout
    assert not status.stderr


def test_a_user_without_home_and_name_gets_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bare user id in a container: https://github.com/openshift/origin/issues/23369, apple/containerization#103."""

    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    additions: dict[str, str] = {}
    have_home_and_name(additions)
    assert additions == {}, "this user is known to the system"
    monkeypatch.setattr("pwd.getpwuid", unknown)
    environment: dict[str, str] = {}
    have_home_and_name(environment)
    home = tmp_path / f"steadytune-home-{os.getuid()}"
    assert environment == {"USER": f"uid-{os.getuid()}", "HOME": str(home)}
    assert home.stat().st_mode & 0o777 == 0o700
    complete = {"HOME": "/data", "LOGNAME": "me"}
    have_home_and_name(complete)
    assert complete == {"HOME": "/data", "LOGNAME": "me"}


def test_a_home_that_another_user_prepared_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: 4242)
    (tmp_path / "steadytune-home-4242").mkdir()
    environment: dict[str, str] = {}
    have_home_and_name(environment)
    assert environment["HOME"] != str(tmp_path / "steadytune-home-4242")
    assert Path(environment["HOME"]).is_dir()
