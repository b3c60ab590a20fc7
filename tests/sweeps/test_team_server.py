"""A sweep on a team's MLflow server that is killed in its middle, with its database."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support import REPOSITORY, SUPPORT
from tests.support.agreement import difference
from tests.support.programs import POSTGRESQL
from tests.support.team_server import TeamServer

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[TeamServer]:
    server = TeamServer(POSTGRESQL.require().parent)
    try:
        server.start_postgres()
        server.start_mlflow()
        yield server
    finally:
        server.close()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "search", *words]


def environment(server: TeamServer) -> dict[str, str]:
    paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
    return os.environ | server.environment | {"PYTHONPATH": paths}


def test_a_server_that_is_killed_with_its_database_loses_nothing_and_stops_no_trial(
    server: TeamServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "launch --recipe trouble:Trouble --preset tiny --data . --name sweep --trials 8 --confirm-top 1 --workers 2"
    settings = ["--set", "pause=0.5", "--scheduler", "none", "--store", server.uri]
    sweep = subprocess.Popen(
        command(*words.split(), *settings), cwd=tmp_path, env=environment(server), stdout=subprocess.PIPE, text=True
    )
    assert sweep.stdout is not None
    seen = []
    for line in sweep.stdout:
        seen.append(line)
        if "trial 2 epoch 2" in line:
            server.kill("mlflow")
            server.kill("postgres")
            time.sleep(5)
            server.start_postgres()
            server.start_mlflow()
    assert sweep.wait() == 0, "".join(seen)
    assert not any("failed" in line for line in seen)
    assert any(f"The MLflow store {server.uri} cannot be written now; the sweep continues" in line for line in seen)
    subprocess.run(command("sync", "sweep"), cwd=tmp_path, env=environment(server), check=True)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    differing = difference(tmp_path / "sweeps", "sweep", server.uri)
    assert differing.none, differing
    assert differing.journal_points >= 2 * 8 * 6


def test_no_secret_is_in_a_file_that_a_sweep_wrote_or_in_what_ps_shows(server: TeamServer, tmp_path: Path) -> None:
    token = "the-token-of-this-sweep-and-no-other"
    user, password = server.environment["MLFLOW_TRACKING_USERNAME"], server.environment["MLFLOW_TRACKING_PASSWORD"]
    secrets = [password.encode(), token.encode(), base64.b64encode(f"{user}:{password}".encode())]
    words = "launch --recipe trouble:Trouble --preset tiny --data . --name secret --trials 2 --confirm-top 0"
    names: set[str] = set()
    leaks: set[Path] = set()

    def read_files(folder: Path) -> None:
        for path in folder.rglob("*"):
            with suppress(OSError):  # files are deleted while they are read, and sockets cannot be
                content = path.read_bytes()
                names.add(path.name)
                leaks.update({path} if any(secret in content for secret in secrets) else ())

    with tempfile.TemporaryDirectory(dir="/tmp") as ray_folder:  # Ray's sockets lie there, and take no long name
        sweep_environment = {"RAY_TMPDIR": ray_folder, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
        sweep = subprocess.Popen(
            command(*words.split(), "--store", server.uri, "--set", "pause=0.2"),
            cwd=tmp_path,
            env=environment(server) | sweep_environment,
        )
        command_lines: set[str] = set()
        while sweep.poll() is None:
            with suppress(psutil.Error):  # processes end while they are looked at
                for process in psutil.Process(sweep.pid).children(recursive=True):
                    command_lines.update(process.cmdline())
            read_files(Path(ray_folder))  # the sweep deletes its session at its end
            time.sleep(0.5)
        assert sweep.returncode == 0
        read_files(Path(ray_folder))
    read_files(tmp_path)
    assert any(name.endswith(".parquet") for name in names), "the journal is among them"
    assert any(name.startswith("gcs_server") for name in names), "Ray's logs are among them"
    assert any("search.tracking.recorder" in line for line in command_lines), "and the recorder's command line"
    assert not leaks
    assert not [line for line in command_lines if any(secret.decode() in line for secret in secrets)]
