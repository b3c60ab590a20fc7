"""Where a sweep runs: a private Ray on this machine, or a cluster that is already there."""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import ray

import search
import spaces
import trainables
from search.sweep import SweepSpec
from trainables.errors import SettingsError

CONNECT_SECONDS = 5.0
OBJECT_STORE_BYTES = 100_000_000
"""Trials exchange numbers only: Ray's default, a third of the memory, would be wasted."""

_QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the journal replaces Ray's per-trial JSON, CSV and TensorBoard files
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours to handle
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Ray's experiment state is never restored
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@contextmanager
def connected(spec: SweepSpec) -> Iterator[int]:
    """Start or join Ray for the block; yields how many trials fit at a time.

    Raises:
        SettingsError: the cluster cannot be reached, or does not have what the trials ask for.
    """
    os.environ.update(_QUIET)
    for name in ("ray", "ray.tune", "ray.train"):  # what concerns a sweep is told by its own events
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if ray.is_initialized():  # the tests share one session
        yield _places(spec)
        return
    if spec.address:
        check_address(spec.address)
    try:
        _start(spec)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"address is {spec.address}; no Ray cluster answers there" if spec.address else "Ray did not start here"
        raise SettingsError(f"{where} ({str(error).splitlines()[0]})") from None
    try:
        yield _places(spec)
    finally:
        ray.shutdown()


def check_address(address: str) -> None:
    """Whether anything listens at HOST:PORT; Ray itself tries for most of a minute, and says so in its own lines.

    Raises:
        SettingsError: nothing does. Other addresses ("auto", "ray://…") are left to Ray.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        fix = "start the cluster with `ray start --head`, or mend the address"
        raise SettingsError(f"address is {address}; nothing answers there ({error}); {fix}") from None


def _start(spec: SweepSpec) -> None:
    if spec.address:
        # The workers of another machine get the code that this driver runs.
        modules = {"py_modules": [search, spaces, trainables]}
        ray.init(address=spec.address, runtime_env=modules, log_to_driver=False, logging_level=logging.CRITICAL)
    else:
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=OBJECT_STORE_BYTES,
        )


def _places(spec: SweepSpec) -> int:
    total = ray.cluster_resources()
    fits = math.floor(total.get("CPU", 0.0) / spec.cpus + 1e-9)
    if spec.gpus:
        fits = min(fits, math.floor(total.get("GPU", 0.0) / spec.gpus + 1e-9))
    asked = spec.workers or max(1, fits)
    if fits < asked:
        has = f"{total.get('CPU', 0.0):g} CPUs and {total.get('GPU', 0.0):g} GPUs"
        needs = f"{spec.cpus:g} CPUs and {spec.gpus:g} GPUs a trial"
        raise SettingsError(f"workers is {asked} with {needs}, but there are {has}; {fits} at a time would fit")
    return asked
