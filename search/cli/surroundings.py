"""Puts right what the surroundings of the command line would spoil, before any verb runs.

What each part of the environment means is listed in docs/surroundings.md.
"""

from __future__ import annotations

import os
import pwd
import socket
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from trainables.errors import SteadytuneError

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def prepare() -> None:
    """Check the working folder, give the user a home and a name, and let nothing for this machine through a proxy.

    Raises:
        SteadytuneError: the working folder was deleted.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        raise SteadytuneError(
            "the current folder was deleted; change to one that exists (cd), then try again"
        ) from None
    have_home_and_name(os.environ)
    reach_this_machine_directly(os.environ)


def have_home_and_name(environment: MutableMapping[str, str]) -> None:
    """Set HOME and USER where neither the environment nor the system has them: Ray and torch need both.

    So it is in a container that runs with a bare user id. The home is then a temporary folder of the user's own.
    """
    user = os.getuid()
    try:
        pwd.getpwuid(user)
        return
    except KeyError:
        pass
    if not any(environment.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):  # as `getpass` asks
        environment["USER"] = f"uid-{user}"
    if not environment.get("HOME"):
        home = Path(tempfile.gettempdir()) / f"steadytune-home-{user}"
        home.mkdir(mode=0o700, exist_ok=True)
        if home.is_symlink() or home.stat().st_uid != user:  # another user has put it there
            home = Path(tempfile.mkdtemp(prefix="steadytune-home-"))
        environment["HOME"] = str(home)


def reach_this_machine_directly(environment: MutableMapping[str, str]) -> None:
    """Add this machine to `no_proxy` if there is a proxy, which an MLflow server on 127.0.0.1 is not behind."""
    if not any(environment.get(name) or environment.get(name.upper()) for name in _PROXIES):
        return
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    hosts = [host.strip() for host in listed.split(",") if host.strip()]
    if "*" in hosts:
        return
    hosts += [host for host in ("localhost", "127.0.0.1", "::1", socket.gethostname()) if host not in hosts]
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(hosts)
