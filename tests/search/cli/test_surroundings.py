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

from search.cli.surroundings import reach_this_machine_directly
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
    shown = subprocess.run(
        [sys.executable, "-m", "search", "status", "sweep", "--sweeps", str(sweeps)],
        env=os.environ | variables,
        capture_output=True,
        check=True,
    )
    assert b"*" in shown.stdout
    assert not shown.stderr
