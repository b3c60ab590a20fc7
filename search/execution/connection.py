"""Connects a sweep to Ray: a private Ray on this machine, or a cluster that runs already."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ray
import tenacity
from ray._private import ray_constants, services
from ray._private import worker as ray_worker
from ray._private.services import GcsClient, canonicalize_bootstrap_address
from ray.exceptions import AuthenticationError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import RenderableType
from rich.text import Text

import search
import spaces
import trainables
from search.execution.auth import authentication_error, no_token_warning, own_token, use_token
from search.execution.head_watch import watched_head
from search.execution.leftovers import end_leftovers, marked
from search.execution.node_check import (
    SHARE,
    Difference,
    Question,
    compare,
    differences_table,
    inspect_node,
    wait_for,
)
from search.execution.patience import patient
from search.execution.ray_folder import fits, remove_dead_sessions, remove_session, session_folder, wanted_folder
from search.execution.resources import trial_resources
from search.execution.this_machine import OBJECT_STORE_BYTES
from search.storage.object_store import Storage
from search.sweep.environment import JOB
from search.sweep.spec import SweepSpec
from search.sweep.uri import located
from trainables.errors import SettingsError, SteadytuneError, first_line

Notify = Callable[[RenderableType], None]

CONNECT_SECONDS = 5.0
START_SECONDS = 300.0
"""How long Ray may take to start here. By itself it gives up after 30 s, which is too short on a busy machine."""
NODE_SECONDS = 120.0
"""How long a node may take to unpack the code and answer. A slower node would delay each trial by as much."""

_QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no JSON, CSV and TensorBoard file per trial: the journal replaces them
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # steadytune handles Ctrl-C
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Ray's experiment state is never restored
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def _discard_output(data: Any, ignore_prefix: bool) -> None:
    """Replaces Ray's printer of worker messages, which cannot be switched off: it prints paragraphs about dead workers.

    The messages stay in the logs of Ray's session; the sweep itself reports what happened to the trial.
    """


@contextmanager
def connected(spec: SweepSpec, folder: Path, notify: Notify) -> Iterator[None]:
    """Start or join Ray for the block.

    Args:
        spec: the sweep's description.
        folder: the sweep's folder, which all nodes must share if it has no storage.
        notify: shows the user warnings about the cluster.

    Raises:
        SettingsError: the cluster cannot be reached, or cannot run the trials.
    """
    os.environ.update(_QUIET)
    ray_worker.print_to_stdstream = _discard_output
    for name in ("ray", "ray.tune", "ray.train"):  # the sweep's own events report what matters
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if ray.is_initialized():  # the tests share one session
        yield
        return
    with nullcontext() if spec.address else own_token(os.environ):
        yield from _connection(spec, folder, notify)


def _connection(spec: SweepSpec, folder: Path, notify: Notify) -> Iterator[None]:
    try:
        with _own_sigterm():
            _join(spec.address, notify) if spec.address else _start_here(folder, notify)
    except SteadytuneError:
        raise
    except Exception as error:  # Ray raises a bare Exception if a node does not start
        failure = (
            f"address is {spec.address}; no Ray cluster answers there" if spec.address else "Ray did not start here"
        )
        raise SettingsError(f"{failure} ({first_line(error)})") from None
    session = None if spec.address else Path(ray_worker.global_worker.node.get_session_dir_path())
    try:
        if session:
            with watched_head(folder, session):
                yield
        else:
            _check_nodes(spec, folder, notify)
            yield
    finally:
        with _own_sigterm():
            ray.shutdown()
        if session:
            remove_session(session)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep this process's handler of SIGTERM: Ray sets its own when it starts, and the default one when it ends."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def check_address(address: str) -> None:
    """Check that something listens at HOST:PORT, since Ray would try for most of a minute before it gives up.

    Other addresses ("auto", "ray://…") are not checked.

    Raises:
        SettingsError: nothing listens there.
    """
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        fix = "start the cluster with `ray start --head`, or correct the address"
        raise SettingsError(f"address is {address}; nothing answers there ({error}); {fix}") from None


def _start_here(folder: Path, notify: Notify) -> None:
    end_leftovers(folder)
    with marked(folder):
        _start(_session_folder(notify))


def _session_folder(notify: Notify) -> Path:
    folder = session_folder()
    if folder != (wanted := wanted_folder()):
        why = "cannot be used" if fits(wanted) else "would make the paths of sockets too long"
        notify(Text(f"Ray's sessions are in {folder}: {wanted} {why}."))
    remove_dead_sessions(folder)
    return folder


def _is_slow_start(error: BaseException) -> bool:
    return "timed out during startup" in str(error)


def _shut_down(state: tenacity.RetryCallState) -> None:
    ray.shutdown()


# Ray gives a node 30 s, which is a constant in its code. On a busy machine the second start finds files in memory.
@tenacity.retry(
    retry=tenacity.retry_if_exception(_is_slow_start),
    stop=tenacity.stop_after_attempt(3),
    before_sleep=_shut_down,
    reraise=True,
)
def _start(folder: Path) -> None:
    os.environ.pop("RAY_ADDRESS", None)  # else parts of Ray would look for that cluster, though the sweep runs here
    # With this constant False, as on macOS, Ray listens on loopback only. It would replace an address of 127.0.0.1.
    enabled, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    get_node, services.get_node = services.get_node, patient(services.get_node, START_SECONDS)
    try:
        ray.init(
            address="local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(folder),
        )
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = enabled
        services.get_node = get_node


def _join(address: str, notify: Notify) -> None:
    sends_token = use_token()
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if JOB in os.environ:  # in a job Ray knows the address, and the code has been sent with the job
        ray.init(address="auto", **options)
    else:
        check_address(address)
        _check_token(address)
        # The code of this driver is sent to the workers on other machines.
        own_code = [search, spaces, trainables, str(Path(search.__file__).parent.with_name("steadytune.py"))]
        ray.init(address=address, runtime_env={"py_modules": own_code}, **options)
    if not sends_token:
        notify(no_token_warning(address))


def _check_token(address: str) -> None:
    """Authenticate once before `ray.init`, which would take half a minute to report a wrong token."""
    gcs_address = None if "://" in address else canonicalize_bootstrap_address(address)
    try:
        if gcs_address:
            GcsClient(address=gcs_address)
    except AuthenticationError:
        raise authentication_error(address) from None


def _check_nodes(spec: SweepSpec, folder: Path, notify: Notify) -> None:
    """Have every node that could run a trial inspect itself, and show the differences.

    Raises:
        SettingsError: a trial could not run on one of them.
    """
    token = secrets.token_hex(8)
    probe = folder / f".probe-{token}"
    probe.write_text(token, encoding="utf-8")
    storage = Storage(spec.storage) if spec.storage else None
    if storage:
        storage.write(probe.name, token.encode())
    question = Question(spec.recipe, located(spec.data), probe, token, spec.storage or "", spec.script_files)
    try:
        differences = list(_differences(spec, question))
    finally:
        if storage:
            storage.delete(probe.name)
        for path in folder.glob(f"{probe.name}*"):
            path.unlink(missing_ok=True)
    if differences:
        notify(differences_table(differences))
    for item in differences:
        if item.fix:
            raise SettingsError(
                f"node {item.node}: {item.subject}: {item.on_node} (driver: {item.on_driver}); {item.fix}"
            )


def _differences(spec: SweepSpec, question: Question) -> Iterator[Difference]:
    resources = trial_resources(spec)
    driver = inspect_node(question, f"{question.probe.name}-driver")
    task = ray.remote(inspect_node)
    answers = {}
    for node in (node for node in ray.nodes() if node["Alive"] and resources.trials_on(node["Resources"])):
        file_name = f"{question.probe.name}-{node['NodeID']}"
        on_node = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        answer = task.options(num_cpus=0, max_retries=0, scheduling_strategy=on_node).remote(question, file_name)
        answers[answer] = (f"{node['NodeManagerHostname']} ({node['NodeID'][:8]})", question.probe.with_name(file_name))
    if answers:
        ray.wait(list(answers), num_returns=len(answers), timeout=NODE_SECONDS)
    for answer, (name, file) in answers.items():
        try:
            report = ray.get(answer, timeout=0)
        except (RayError, TimeoutError) as error:
            problem = f"no answer ({first_line(error)})"
            fix = "check that steadytune's packages are installed there, with this Python, or remove the node"
            yield Difference(name, "check", "done", problem, fix)
            continue
        yield from compare(name, driver, report, question, resources.gpus)
        # The node has seen the driver's file. If the driver sees the node's file too, both write to the same folder.
        if not question.storage and not report.folder and not wait_for(file):
            yield Difference(name, f"folder {file.parent}", "writable", "another folder", SHARE)


def node_resources() -> list[Mapping[str, float]]:
    """The resources of each node, in Ray's names."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
