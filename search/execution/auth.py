"""Ray's token authentication, as a driver of ours uses it.

The token is read by Ray itself, from RAY_AUTH_TOKEN, the file that RAY_AUTH_TOKEN_PATH names or ~/.ray/auth_token; it
never passes through steadytune, so it can stand in no journal, log or command line of ours.
"""

from __future__ import annotations

import logging

from ray._private.authentication.authentication_token_setup import (
    ensure_token_if_auth_enabled,
    maybe_enable_token_auth_if_token_available,
)
from ray.exceptions import AuthenticationError

from trainables.errors import SettingsError


def use_token() -> bool:
    """Have this process show the token that it has, as `ray start` does; whether it shows one.

    A driver does so only if RAY_AUTH_MODE says so; without it, it would hide a token from a cluster that asks for it.
    """
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if not maybe_enable_token_auth_if_token_available(warn_if_disabled=False):
        return False
    try:
        ensure_token_if_auth_enabled(create_token_if_missing=False)
    except AuthenticationError:  # RAY_AUTH_MODE is set, and there is none
        return False
    return True


def refused(address: str) -> SettingsError:
    """What to say when the cluster at `address` turns this driver away."""
    why = "refuses the token of this driver" if use_token() else "asks for a token, and this driver shows none"
    fix = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to the cluster's token (on the head: `ray get-auth-token`)"
    return SettingsError(f"address is {address}; the cluster there {why}; {fix}")


def open_to_all(address: str) -> str:
    """What to say of a cluster that let this driver in without a token."""
    return (
        f"Warning: the cluster at {address} asks for no token: whoever reaches it can run code there. Start it with "
        "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN on every node."
    )
