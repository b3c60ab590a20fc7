"""The folder of Ray's sessions on this machine: other users cannot enter it, and its path is short.

Ray lets everybody write to the folders of its sessions (mode 0777) and to the folder above them, although workers
import the sweep's code from there. So that folder is put below a private one (0700), which Ray does not touch.

On Linux the path of a socket has at most 107 bytes. Ray's part of it takes 68: /ray/, a session's name with its time
and process number, /sockets/plasma_store. TMPDIR may be too long for the rest.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trainables.errors import SettingsError

LONGEST_SOCKET = 107
"""In bytes: `sun_path` in unix(7), without the zero at its end."""
_SESSION = "session_2026-01-31_23-59-59_123456_4194304/sockets/plasma_store"
"""The longest path below Ray's folder: process numbers go up to 2^22."""
LONGEST_START_SECONDS = 1800.0
"""A younger session may still be starting: that takes at most three attempts of `connection.START_SECONDS`."""


def wanted_folder() -> Path:
    """RAY_TMPDIR/ray if that variable is set, as in Ray; else a folder below a private one in TMPDIR or /tmp."""
    if folder := os.environ.get("RAY_TMPDIR"):
        return Path(folder).absolute() / "ray"
    return _below_private(os.environ.get("TMPDIR") or "/tmp")


def fits(folder: Path) -> bool:
    """Whether the paths of sockets in sessions under `folder` are short enough."""
    return len(os.fsencode(folder / _SESSION)) <= LONGEST_SOCKET


def session_folder() -> Path:
    """The wanted folder, if its path is short enough and it can be written; else one below a private folder elsewhere.

    Raises:
        SettingsError: there is no such folder.
    """
    for folder in _candidates():
        if fits(folder) and _can_be_used(folder):
            return folder
    raise SettingsError(
        f"Ray's sessions cannot be in {wanted_folder()}, nor in /tmp or /var/tmp: the paths of their sockets may have "
        f"{LONGEST_SOCKET} bytes, and the folder must be yours; set RAY_TMPDIR to a short path that you can write"
    )


def remove_session(session: Path) -> None:
    """Delete the files of a session that has ended: each sweep leaves 20 MB of logs, which nobody reads."""
    latest = session.with_name("session_latest")
    if latest.is_symlink() and latest.resolve() == session.resolve():
        latest.unlink(missing_ok=True)
    shutil.rmtree(session, ignore_errors=True)


def remove_dead_sessions(folder: Path) -> None:
    """Delete sessions that killed sweeps have left in `folder`. In a folder that is not private nothing is deleted."""
    if folder.parent.name == _private_name():
        for session in folder.glob("session_2*"):
            if _is_dead(session):
                remove_session(session)


def _is_dead(session: Path) -> bool:
    """Whether the session began a while ago and nothing listens at its socket.

    The process number would not tell: the session may belong to another container.
    """
    if time.time() - session.stat().st_mtime < LONGEST_START_SECONDS:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(session / "sockets" / "raylet"))
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:  # something listens, but is busy or stopped
            return False
    return False


def _below_private(folder: str) -> Path:
    return Path(folder).absolute() / _private_name() / "ray"


def _private_name() -> str:
    return f"steadytune-{os.getuid()}"


def _candidates() -> Iterator[Path]:
    yield wanted_folder()
    for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        yield _below_private(folder)


def _can_be_used(folder: Path) -> bool:
    if folder.parent.name == _private_name() and not _is_private(folder.parent):
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _is_private(folder: Path) -> bool:
    """Whether nobody else can enter `folder`. It is made if it is missing; another user may have made it before."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.lstat()  # a link is refused: the folders above its target would not be checked
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
