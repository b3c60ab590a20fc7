"""Where Ray's sessions on this machine lie: their sockets' paths must be short, and TMPDIR may be long.

Linux takes 107 bytes for the path of a socket, and Ray's own part of it is 68 bytes long: /ray/, a session's name with
its time and process number, /sockets/plasma_store.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainables.errors import SettingsError

LONGEST_SOCKET = 107
"""Bytes; `sun_path` in unix(7), less the zero at its end."""
_SESSION = "session_2026-01-31_23-59-59_123456_4194304/sockets/plasma_store"
"""The longest path below Ray's folder: process numbers go up to 2^22."""


def default_folder() -> Path:
    """The folder that Ray would take: RAY_TMPDIR or TMPDIR, whether it exists or not, or /tmp."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp").absolute() / "ray"


def fits(folder: Path) -> bool:
    """Whether the paths of sockets in sessions under `folder` are short enough."""
    return len(os.fsencode(folder / _SESSION)) <= LONGEST_SOCKET


def session_folder() -> Path:
    """Ray's own choice if its sockets fit there and it can be written, else another temporary folder.

    Raises:
        SettingsError: there is none.
    """
    for folder in _candidates():
        if fits(folder) and _can_be_written(folder):
            return folder
    raise SettingsError(
        f"RAY_TMPDIR or TMPDIR leads to {default_folder()}, where Ray's sockets cannot be: their paths may have "
        f"{LONGEST_SOCKET} bytes, and it must be a folder that you can write; set RAY_TMPDIR to a short path of yours"
    )


def remove_session(session: Path) -> None:
    """Delete the files of a session that has ended here: 20 MB of logs for each sweep, which nobody reads."""
    latest = session.with_name("session_latest")
    if latest.is_symlink() and latest.resolve() == session.resolve():
        latest.unlink(missing_ok=True)
    shutil.rmtree(session, ignore_errors=True)


def _candidates() -> Iterator[Path]:
    yield default_folder()
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        yield Path(folder).absolute() / "ray"
        yield Path(folder).absolute() / f"ray-{os.getuid()}"  # /tmp/ray may be another user's


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
