"""Where a sweep runs: a private Ray on this machine, or a cluster that is already there."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private import worker as ray_worker
from ray._private.services import GcsClient, canonicalize_bootstrap_address
from ray.exceptions import AuthenticationError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import RenderableType

import search
import spaces
import trainables
from search.execution.auth import open_to_all, refused, use_token
from search.execution.node_check import SHARE, Difference, Question, appears, differences, look, table
from search.execution.resources import needs
from search.storage.object_store import Storage
from search.sweep.environment import JOB
from search.sweep.spec import SweepSpec
from search.sweep.uri import located
from trainables.errors import SettingsError, first_line

Say = Callable[[RenderableType], None]

CONNECT_SECONDS = 5.0
NODE_SECONDS = 120.0
"""A node unpacks the code before it answers; one that takes longer would keep its trials waiting too."""
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


def _unsaid(data: Any, ignore_prefix: bool) -> None:
    """In place of Ray's own, which has no switch: paragraphs about each process that died, between a sweep's lines.

    They stay in the logs of its session; what became of the trial is told by the sweep.
    """


@contextmanager
def connected(spec: SweepSpec, folder: Path, say: Say) -> Iterator[None]:
    """Start or join Ray for the block.

    Args:
        spec: the sweep's description.
        folder: the sweep's folder, which all nodes must share if it has no storage.
        say: shows the user what is odd about the cluster.

    Raises:
        SettingsError: the cluster cannot be reached, or cannot run the trials.
    """
    os.environ.update(_QUIET)
    ray_worker.print_to_stdstream = _unsaid
    for name in ("ray", "ray.tune", "ray.train"):  # what concerns a sweep is told by its own events
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if ray.is_initialized():  # the tests share one session
        yield
        return
    try:
        _join(spec.address, say) if spec.address else _start()
    except SettingsError:
        raise
    except Exception as error:  # Ray has no class of its own for a node that does not come up in its 30 s
        where = f"address is {spec.address}; no Ray cluster answers there" if spec.address else "Ray did not start here"
        raise SettingsError(f"{where} ({first_line(error)})") from None
    try:
        if spec.address:
            _check_nodes(spec, folder, say)
        yield
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


def _start() -> None:
    several, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:  # as on macOS, it then listens on loopback only; an address of 127.0.0.1 it would replace by the machine's
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=OBJECT_STORE_BYTES,
        )
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = several


def _join(address: str, say: Say) -> None:
    shows_token = use_token()
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if JOB in os.environ:  # Ray knows its address, and brings the code
        ray.init(address="auto", **options)
    else:
        check_address(address)
        _check_token(address)
        # The workers of another machine get the code that this driver runs.
        ray.init(address=address, runtime_env={"py_modules": [search, spaces, trainables]}, **options)
    if not shows_token:
        say(open_to_all(address))


def _check_token(address: str) -> None:
    """Introduce ourselves, which tells at once what `ray.init` would take half a minute to tell."""
    found = None if "://" in address else canonicalize_bootstrap_address(address)
    try:
        if found:
            GcsClient(address=found)
    except AuthenticationError:
        raise refused(address) from None


def _check_nodes(spec: SweepSpec, folder: Path, say: Say) -> None:
    """Have every node that could run a trial look at itself; show what differs.

    Raises:
        SettingsError: a trial could not run on one of them.
    """
    word = secrets.token_hex(8)
    probe = folder / f".probe-{word}"
    probe.write_text(word, encoding="utf-8")
    storage = Storage(spec.storage) if spec.storage else None
    if storage:
        storage.write(probe.name, word.encode())
    question = Question(spec.recipe, located(spec.data), probe, word, spec.storage or "")
    try:
        found = list(_differences(spec, question))
    finally:
        if storage:
            storage.delete(probe.name)
        for path in folder.glob(f"{probe.name}*"):
            path.unlink(missing_ok=True)
    if found:
        say(table(found))
    for one in found:
        if one.fix:
            raise SettingsError(f"node {one.node}: {one.what}: {one.there} (driver: {one.here}); {one.fix}")


def _differences(spec: SweepSpec, question: Question) -> Iterator[Difference]:
    here = look(question, f"{question.probe.name}-driver")
    task = ray.remote(look)
    asked = {}
    for node in _hosts(spec):
        name = f"{question.probe.name}-{node['NodeID']}"
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        answer = task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(question, name)
        asked[answer] = (f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})", question.probe.with_name(name))
    ray.wait(list(asked), num_returns=len(asked), timeout=NODE_SECONDS) if asked else None
    for answer, (node_name, left) in asked.items():
        try:
            report = ray.get(answer, timeout=0)
        except (RayError, TimeoutError) as error:
            why = f"no answer ({first_line(error)})"
            fix = "see whether steadytune's packages are installed there, with this Python, or take it out"
            yield Difference(node_name, "check", "done", why, fix)
            continue
        yield from differences(node_name, here, report, question, needs(spec).gpus)
        if not question.storage and not report.folder and not appears(left):
            yield Difference(node_name, f"folder {left.parent}", "writable", "another folder", SHARE)


def _hosts(spec: SweepSpec) -> list[dict[str, Any]]:
    """The nodes that could run a trial."""
    return [node for node in ray.nodes() if node["Alive"] and needs(spec).fit(node["Resources"])]


def resources() -> list[Mapping[str, float]]:
    """What the nodes have, in Ray's names."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
