"""Checks what a sweep needs of this machine, one thing at a time; each finding says what is wrong and how to fix it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from search.execution.ray_folder import session_folder, wanted_folder
from search.sweep.environment import python_path
from search.tracking.store_check import check_store
from trainables.errors import SteadytuneError, first_line

REQUIRED = ("ray", "optuna", "mlflow", "pyarrow", "pydantic")
TRAINERS = ("torch", "torchvision", "ultralytics")
SCARCE_BYTES, NEEDED_BYTES = 5e9, 0.5e9
"""Free disk space below which a sweep may end early, or does not begin."""
SCARCE_MEMORY_BYTES = 4e9
RAY_SECONDS = 90.0
PORTS = {5000: "`steadytune browse` needs another port: --port 5001", 8265: "a Ray dashboard runs here already"}
_START_RAY = """
import pathlib, sys
import ray
from search.execution.ray_folder import remove_session
ray.init(address="local", num_cpus=1, num_gpus=0, include_dashboard=False, object_store_memory=100_000_000,
         log_to_driver=False, _temp_dir=sys.argv[1])
session = pathlib.Path(ray._private.worker.global_worker.node.get_session_dir_path())
assert ray.get(ray.remote(lambda: 1).remote()) == 1
ray.shutdown()
remove_session(session)
"""

State = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: what was looked at.
        state: "error" if no sweep could be launched.
        detail: what was seen.
        fix: what to do; "" if nothing.
    """

    subject: str
    state: State
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:8}{self.subject:14}{self.detail}{'; ' + self.fix if self.fix else ''}"


def examine(root: Path, store: str) -> Iterator[Finding]:
    """Check everything; what takes longest comes last.

    Args:
        root: folder of the sweeps.
        store: MLflow tracking URI.
    """
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield from libraries()
    yield processors()
    yield memory()
    yield accelerator()
    yield disk("sweeps", root, "give another folder with --sweeps")
    yield disk("Ray's files", wanted_folder(), "set RAY_TMPDIR to another folder")
    for port, fix in PORTS.items():
        yield listening(port, fix)
    yield mlflow_store(store)
    yield ray_start()


def libraries(version: Callable[[str], str] = metadata.version) -> Iterator[Finding]:
    """The versions of what matters."""
    for name in (*REQUIRED, *TRAINERS):
        try:
            yield Finding(name, "ok", version(name))
        except metadata.PackageNotFoundError:
            if name in REQUIRED:
                yield Finding(name, "error", "is not installed", "install steadytune's requirements")
            else:
                yield Finding(name, "warning", "is not installed", f"recipes that train with {name} need it")


def processors() -> Finding:
    """How many cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = os.environ.get("OMP_NUM_THREADS")
    detail = f"{cores} cores for this process, {os.cpu_count()} in the machine"
    if threads and threads.isdigit() and int(threads) > cores:
        fix = "trials have as many threads as `cpus` says; unset it"
        return Finding("processors", "warning", f"{detail}; OMP_NUM_THREADS is {threads}", fix)
    return Finding("processors", "ok", detail)


def memory() -> Finding:
    """How much main memory is free."""
    free, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    detail = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"
    if free < SCARCE_MEMORY_BYTES:
        return Finding("memory", "warning", detail, "give fewer --workers, or memory_gb, which limits them")
    return Finding("memory", "ok", detail)


def accelerator() -> Finding:
    """Whether torch can use a GPU."""
    if find_spec("torch") is None:
        return Finding("GPU", "warning", "not known without torch")
    from trainables.device import gpu_names  # imports torch, which takes seconds

    if names := gpu_names():
        return Finding("GPU", "ok", ", ".join(names))
    has_driver = shutil.which("nvidia-smi") is not None
    why = "there is a driver, but torch cannot use it" if has_driver else "none"
    fix = "install a torch that fits the driver" if has_driver else "`preset: tiny` is made for CPUs"
    return Finding("GPU", "warning", why, fix)


def disk(subject: str, folder: Path, elsewhere: str) -> Finding:
    """How much space there is where `folder` is, or will be; and whether it can be written.

    Args:
        subject: what is kept there.
        folder: need not exist.
        elsewhere: how to have it kept in another folder.
    """
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Finding(subject, "error", f"{existing} cannot be written", elsewhere)
    usage = shutil.disk_usage(existing)
    detail = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free at {folder.absolute()}"
    if usage.free < SCARCE_BYTES:
        state: State = "error" if usage.free < NEEDED_BYTES else "warning"
        return Finding(subject, state, detail, f"free some space, or {elsewhere}")
    return Finding(subject, "ok", detail)


def listening(port: int, fix: str) -> Finding:
    """Whether a program listens at `port` on this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        is_taken = probe.connect_ex(("127.0.0.1", port)) == 0
    subject = f"port {port}"
    return Finding(subject, "warning", "is taken", fix) if is_taken else Finding(subject, "ok", "is free")


def mlflow_store(store: str) -> Finding:
    """Whether the MLflow store could be written."""
    try:
        check_store(store)
    except SteadytuneError as error:
        return Finding("MLflow", "error", first_line(error))
    return Finding("MLflow", "ok", store)


def ray_start() -> Finding:
    """Whether Ray starts here and runs a task; in a process of its own."""
    if find_spec("ray") is None:
        return Finding("Ray", "error", "is not installed", "install steadytune's requirements")
    try:
        folder = session_folder()
        done = subprocess.run(
            [sys.executable, "-c", _START_RAY, str(folder)],
            env=os.environ | {"PYTHONPATH": python_path(), "RAY_USAGE_STATS_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=RAY_SECONDS,
            check=False,
        )
    except SteadytuneError as error:
        return Finding("Ray", "error", first_line(error))
    except subprocess.TimeoutExpired:
        return Finding(
            "Ray", "error", f"did not start within {RAY_SECONDS:.0f} s", "try again when the machine is idle"
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("Ray", "error", f"does not start ({last})", f"its logs are in {folder}/session_latest/logs")
    return Finding("Ray", "ok", "starts and runs a task")
