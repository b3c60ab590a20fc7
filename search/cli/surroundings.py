"""Puts right what the surroundings of the command line would spoil, before any verb runs.

What each part of the environment means is listed in docs/surroundings.md.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from trainables.errors import SteadytuneError

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def prepare() -> None:
    """Check the working folder, and let nothing that is for this machine go through a proxy.

    Raises:
        SteadytuneError: the working folder was deleted.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        raise SteadytuneError(
            "the current folder was deleted; change to one that exists (cd), then try again"
        ) from None
    reach_this_machine_directly(os.environ)


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
