"""`doctor` tells what would stop a launch from what is only worth knowing."""

from __future__ import annotations

import socket
import tempfile
from importlib import metadata
from pathlib import Path

import pytest

from search import doctor
from tests.support.terminal import Steadytune

MOVE = "give another folder"


def test_what_is_there_has_its_version() -> None:
    versions = {finding.subject: finding.detail for finding in doctor.libraries()}
    assert versions["optuna"] == metadata.version("optuna")
    assert versions.keys() == {*doctor.REQUIRED, *doctor.TRAINERS}


def test_a_missing_library_stops_a_launch_and_a_missing_trainer_does_not() -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    states = {finding.subject: finding.state for finding in doctor.libraries(version)}
    assert {states[name] for name in doctor.REQUIRED} == {"error"}
    assert {states[name] for name in doctor.TRAINERS} == {"warning"}


def test_a_folder_that_is_a_file_cannot_hold_sweeps(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor.disk("sweeps", tmp_path / "file" / "sweeps", MOVE).state == "error"
    assert doctor.disk("sweeps", tmp_path / "new" / "sweeps", MOVE).detail.endswith(str(tmp_path / "new" / "sweeps"))


def test_a_full_disk_stops_a_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SCARCE_BYTES", 1e18)
    monkeypatch.setattr(doctor, "NEEDED_BYTES", 1e18)
    assert doctor.disk("sweeps", tmp_path, MOVE).state == "error"
    monkeypatch.setattr(doctor, "NEEDED_BYTES", 0.0)
    assert doctor.disk("sweeps", tmp_path, MOVE).state == "warning"


def test_each_folder_has_its_own_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED_BYTES", 1e18)
    monkeypatch.setattr(doctor, "SCARCE_BYTES", 1e18)
    monkeypatch.setattr(doctor, "ray_start", lambda: doctor.Finding("Ray", "ok", ""))
    findings = doctor.examine(tmp_path, f"sqlite:///{tmp_path / 'mlflow.db'}")
    fixes = {finding.subject: finding.fix for finding in findings}
    assert fixes["sweeps"] == "free some space, or give another folder with --sweeps"
    assert fixes["Ray's files"] == "free some space, or set RAY_TMPDIR to another folder"


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert doctor.listening(port, "give another").state == "warning"
    assert doctor.listening(port, "give another").state == "ok"


def test_a_store_of_another_program_stops_a_launch(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("no database")
    finding = doctor.mlflow_store(f"sqlite:///{tmp_path / 'other.db'}")
    assert finding.state == "error"
    assert "\n" not in str(finding)


def test_more_threads_than_cores_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    assert doctor.processors().state == "warning"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert doctor.processors().state == "ok"


@pytest.mark.parametrize(("state", "code"), [("warning", 0), ("error", 1)])
def test_the_exit_code_says_whether_a_sweep_could_be_launched(
    steadytune: Steadytune, monkeypatch: pytest.MonkeyPatch, state: doctor.State, code: int
) -> None:
    finding = doctor.Finding("disk", state, "is full", "free some space")
    monkeypatch.setattr(doctor, "examine", lambda root, store: iter([finding]))
    returned, out, _ = steadytune("doctor")
    assert returned == code
    assert out.split() == [state, "disk", "is", "full;", "free", "some", "space"]


@pytest.mark.ray
def test_ray_starts_here_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # Ray's sockets lie there, and take no long name
        monkeypatch.setenv("TMPDIR", folder)
        assert doctor.ray_start().state == "ok"
        assert not list(Path(folder).glob("*/ray/session_*"))
