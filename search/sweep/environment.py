"""The environment of a training (versions, commit, machine), and what child processes need to know."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trainables.json_file import read_json

PACKAGES = (
    "steadytune",
    "ray",
    "optuna",
    "torch",
    "torchvision",
    "ultralytics",
    "mlflow",
    "numpy",
    "opencv-python-headless",
)
ENVIRONMENT_FILE = "environment.json"
ANSWER_SECONDS = 20.0
"""How long git and nvidia-smi may take: a GPU that hangs never answers."""


@cache
def environment() -> dict[str, Any]:
    """Versions of the packages that results depend on, the commit of this code, the machine; read once per process."""
    return {
        "python": platform.python_version(),
        "versions": {name: number for name in PACKAGES if (number := _version(name))},
        "commit": _commit(Path(__file__).parent),
        "host": platform.node(),
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "gpus": _gpus(),
    }


def write_environment(directory: Path, settings: dict[str, Any], fingerprint: str) -> None:
    """Write into a trial's folder what its process trains with: environment, settings, fingerprint of the data."""
    content = environment() | {"data_fingerprint": fingerprint, "settings": settings}
    (directory / ENVIRONMENT_FILE).write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_environment(directory: Path) -> dict[str, Any]:
    """What `write_environment` wrote into `directory`; empty if it wrote nothing there."""
    path = directory / ENVIRONMENT_FILE
    return dict(read_json(path, "the trial's worker writes it")) if path.is_file() else {}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit(directory: Path) -> str:
    """The commit of the checkout at `directory`, with "+" if files were changed since; "" for an installed copy."""
    commit = _output("git", "-C", str(directory), "rev-parse", "HEAD")
    return commit + "+" * bool(commit and _output("git", "-C", str(directory), "status", "--porcelain", "-uno"))


def _gpus() -> list[str]:
    return _output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader").splitlines()


def _output(*command: str) -> str:
    """What `command` prints; "" if it is not installed, fails, or does not answer within `ANSWER_SECONDS`."""
    if not shutil.which(command[0]):
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


JOB = "STEADYTUNE_JOB"
"""Set in a driver that was submitted as a job: it holds the job's id. The driver then uses the cluster it runs on."""


def python_path() -> str:
    """This process' `sys.path` as a `PYTHONPATH`.

    A recipe given as `module:Class` may lie in a folder that is on the path of this process only. Another process that
    reads the sweep's settings must find it too.
    """
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)
