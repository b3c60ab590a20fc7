"""Ray's token authentication, for the driver of a sweep.

Ray itself reads the token, from RAY_AUTH_TOKEN, the file named by RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token. steadytune
does not read it, so it cannot appear in a journal, a log or a command line.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ray._private.authentication.authentication_token_setup import (
    ensure_token_if_auth_enabled,
    maybe_enable_token_auth_if_token_available,
)
from ray.exceptions import AuthenticationError

from trainables.errors import SettingsError


def use_token() -> bool:
    """Make Ray in this process send the token, if there is one, as `ray start` does; returns whether it sends one.

    By default a Ray driver sends its token only if RAY_AUTH_MODE is set, and is then refused by a cluster that asks
    for one.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    protect_token_file()
    if not maybe_enable_token_auth_if_token_available(warn_if_disabled=False):
        return False
    try:
        ensure_token_if_auth_enabled(create_token_if_missing=False)
    except AuthenticationError:  # RAY_AUTH_MODE is set, but no token
        return False
    return True


def protect_token_file() -> None:
    """Make the token file readable for its owner only: Ray makes it with the permissions of the umask."""
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    with suppress(OSError):  # there is none, or it is another user's
        if path.is_file() and path.stat().st_mode & 0o077:
            path.chmod(0o600)


@contextmanager
def own_token(environment: MutableMapping[str, str]) -> Iterator[None]:
    """For the block: a token for a Ray that is started here but cannot write one to ~/.ray (a read-only home).

    Args:
        environment: gets RAY_AUTH_TOKEN_PATH if Ray needs it. The file is deleted after the block.
    """
    if any(environment.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")) or _home_keeps_a_token():
        yield
        return
    with TemporaryDirectory(prefix="steadytune-token-") as folder:  # only its owner can enter it
        file = Path(folder) / "auth_token"
        file.write_text(secrets.token_hex(32), encoding="utf-8")
        environment["RAY_AUTH_TOKEN_PATH"] = str(file)
        try:
            yield
        finally:
            del environment["RAY_AUTH_TOKEN_PATH"]


def _home_keeps_a_token() -> bool:
    folder = Path.home() / ".ray"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return (folder / "auth_token").is_file() or os.access(folder, os.W_OK | os.X_OK)


def authentication_error(address: str) -> SettingsError:
    """The error of a driver that the cluster at `address` refuses."""
    why = "refuses the token of this driver" if use_token() else "asks for a token, and this driver has none"
    fix = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to the cluster's token (on the head: `ray get-auth-token`)"
    return SettingsError(f"address is {address}; the cluster there {why}; {fix}")


def no_token_warning(address: str) -> str:
    """The warning about a cluster that accepted this driver without a token."""
    return (
        f"Warning: the cluster at {address} asks for no token: anyone who can reach it can run code there. Start it "
        "with RAY_AUTH_MODE=token and RAY_AUTH_TOKEN on every node."
    )
