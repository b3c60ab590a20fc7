"""Ray's sockets have a place whatever TMPDIR is.

Long temporary folders that ended other people's runs:

- /tmp/long_path_name_that_exceeds_45_characters: https://github.com/ray-project/ray/issues/7945
- .../slurm_jobdir/1355700/tmp.t0016: https://github.com/verl-project/verl/issues/1120
- /var/folders/vv/v17lwmd95j797hl_wlmt03cw0000gn/T/: https://github.com/ray-project/ray/pull/17161
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.execution import ray_folder
from search.execution.ray_folder import LONGEST_SOCKET, default_folder, fits, remove_session, session_folder
from trainables.errors import SettingsError

LONG = (
    "/tmp/long_path_name_that_exceeds_45_characters",
    "/net/tdfcarhc/people/poebhkiwa/slurm_jobdir/1355700/tmp.t0016",
    "/var/folders/vv/v17lwmd95j797hl_wlmt03cw0000gn/T/",
    "/scratch/" + "ж" * 16,  # bytes count, not characters
)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.mark.parametrize("folder", LONG)
@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_long_folder_is_replaced(folder: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, folder)
    assert not fits(default_folder())
    assert str(session_folder()).startswith("/tmp/ray")


def test_a_short_folder_is_heeded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    link = Path(f"/tmp/{os.getpid()}")
    link.symlink_to(tmp_path)
    try:
        monkeypatch.setenv("RAY_TMPDIR", str(link))
        assert session_folder() == link / "ray"
    finally:
        link.unlink()


def test_sockets_of_the_longest_folder_that_fits_can_be_bound() -> None:
    from ray._private.utils import validate_socket_filepath

    length = LONGEST_SOCKET - len(os.fsencode(Path("/") / ray_folder._SESSION))
    longest = Path("/" + "x" * (length - 1))
    assert fits(longest)
    assert not fits(Path(f"{longest}x"))
    validate_socket_filepath(str(longest / ray_folder._SESSION))


def test_where_nothing_can_be_written_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_folder, "_can_be_written", lambda folder: False)
    with pytest.raises(SettingsError, match="set RAY_TMPDIR to a short path of yours"):
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
