"""Ray's sockets have a place whatever TMPDIR is, and one that other users cannot enter.

Long temporary folders that ended other people's runs:

- /tmp/long_path_name_that_exceeds_45_characters: https://github.com/ray-project/ray/issues/7945
- .../slurm_jobdir/1355700/tmp.t0016: https://github.com/verl-project/verl/issues/1120
- /var/folders/vv/v17lwmd95j797hl_wlmt03cw0000gn/T/: https://github.com/ray-project/ray/pull/17161
"""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.execution import ray_folder
from search.execution.ray_folder import (
    LONGEST_SOCKET,
    LONGEST_START_SECONDS,
    fits,
    remove_dead_sessions,
    remove_session,
    session_folder,
    wanted_folder,
)
from trainables.errors import SettingsError

LONG = (
    "/tmp/long_path_name_that_exceeds_45_characters",
    "/net/tdfcarhc/people/poebhkiwa/slurm_jobdir/1355700/tmp.t0016",
    "/var/folders/vv/v17lwmd95j797hl_wlmt03cw0000gn/T/",
    "/scratch/" + "ж" * 16,  # bytes count, not characters
)
PRIVATE = Path(f"/tmp/steadytune-{os.getuid()}")


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Path]:
    """A folder with a short name."""
    link = Path(f"/tmp/{os.getpid()}")
    link.symlink_to(tmp_path)
    yield link
    link.unlink()


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.mark.parametrize("folder", LONG)
@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_long_folder_is_replaced(folder: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, folder)
    assert not fits(wanted_folder())
    assert session_folder() == PRIVATE / "ray"


def test_a_short_folder_is_heeded(monkeypatch: pytest.MonkeyPatch, short: Path) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    assert session_folder() == short / "ray"


@pytest.mark.parametrize("exists", [True, False])
def test_other_users_cannot_enter_the_folder_of_the_sessions(
    exists: bool, monkeypatch: pytest.MonkeyPatch, short: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(short if exists else short / "missing"))
    before = os.umask(0)
    try:
        folder = session_folder()
    finally:
        os.umask(before)
    assert folder == wanted_folder()
    assert folder.is_relative_to(short)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert session_folder() == folder, "the next sweep takes the same one"


@pytest.mark.parametrize("kind", ["open to others", "of another user", "a link", "a file"])
def test_a_folder_that_others_could_enter_is_left_alone(
    kind: str, monkeypatch: pytest.MonkeyPatch, short: Path, tmp_path: Path
) -> None:
    private = short / PRIVATE.name
    if kind == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        private.symlink_to(tmp_path / "elsewhere")
    elif kind == "a file":
        private.touch()
    else:
        private.mkdir(mode=0o700)
        if kind == "open to others":
            private.chmod(0o755)
        elif os.getuid() == 0:
            os.chown(private, 1, 1)
        else:
            pytest.skip("only root gives a folder to another user")
    monkeypatch.setenv("TMPDIR", str(short))
    assert session_folder() == PRIVATE / "ray"


def test_sockets_of_the_longest_folder_that_fits_can_be_bound() -> None:
    from ray._private.utils import validate_socket_filepath

    length = LONGEST_SOCKET - len(os.fsencode(Path("/") / ray_folder._SESSION))
    longest = Path("/" + "x" * (length - 1))
    assert fits(longest)
    assert not fits(Path(f"{longest}x"))
    validate_socket_filepath(str(longest / ray_folder._SESSION))


def test_where_nothing_can_be_written_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_folder, "_can_be_used", lambda folder: False)
    with pytest.raises(SettingsError, match="set RAY_TMPDIR to a short path that you can write"):
        session_folder()


def test_a_session_that_has_ended_is_deleted_and_others_stay(tmp_path: Path) -> None:
    ended, other = tmp_path / "session_1", tmp_path / "session_2"
    for session in (ended, other):
        (session / "logs").mkdir(parents=True)
        (session / "logs" / "raylet.out").write_text("much")
    (tmp_path / "session_latest").symlink_to(ended)
    remove_session(ended)
    assert [path.name for path in tmp_path.iterdir()] == ["session_2"]
    remove_session(ended)  # by another process meanwhile


@pytest.mark.parametrize("private", [True, False])
def test_what_killed_sweeps_left_is_deleted_and_what_lives_or_starts_stays(short: Path, private: bool) -> None:
    folder = short / (PRIVATE.name if private else "mine") / "ray"
    names = ("session_2026-killed", "session_2026-torn", "session_2026-alive", "session_2026-starting", "other")
    for name in names:
        (folder / name / "sockets").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as killed, socket.socket(socket.AF_UNIX) as alive:
        killed.bind(str(folder / "session_2026-killed/sockets/raylet"))  # and nobody listens
        alive.bind(str(folder / "session_2026-alive/sockets/raylet"))
        alive.listen()
        long_ago = time.time() - LONGEST_START_SECONDS - 1
        for name in names:
            if "starting" not in name:
                os.utime(folder / name, (long_ago, long_ago))
        remove_dead_sessions(folder)
    remaining = {"session_2026-alive", "session_2026-starting", "other"} if private else set(names)
    assert {path.name for path in folder.iterdir()} == remaining
