"""Whether the nodes of a cluster can run a sweep: each looks at itself, and is compared with the driver."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from search.environment import environment
from trainables import registry
from trainables.errors import SteadytuneError

SHARED_SECONDS = 10.0
"""A network file system may show a file of another machine only after some seconds."""
DRIVER_ONLY = {"steadytune", "optuna", "mlflow"}
"""The packages of this name travel with the sweep; the others run in the driver's process alone."""


@dataclass(frozen=True)
class Question:
    """What a node is asked: the sweep's recipe, data and folder, and the word that the driver left in `probe`."""

    recipe: str
    data: str
    probe: Path
    word: str


@dataclass(frozen=True)
class Report:
    """What a node found. `data`, `folder` and `recipe` are what is wrong with them, empty if nothing is."""

    python: str
    versions: Mapping[str, str]
    gpus: int
    data: str = ""
    folder: str = ""
    recipe: str = ""


@dataclass(frozen=True)
class Difference:
    """One thing in which a node differs from the driver; `fix` is given if no trial could run there."""

    node: str
    what: str
    here: str
    there: str
    fix: str = ""


def look(question: Question, name: str) -> Report:
    """Look at the machine that this runs on, and leave a file called `name` beside the probe."""
    found = environment()
    return Report(
        python=str(found["python"]),
        versions=dict(found["versions"]),
        gpus=len(found["gpus"]),
        data=_unreadable(Path(question.data)),
        folder=_not_shared(question, name),
        recipe=_unknown(question.recipe),
    )


def _unreadable(path: Path) -> str:
    if not path.exists():
        return "not there"
    return "" if os.access(path, os.R_OK) else "not readable"


def _not_shared(question: Question, name: str) -> str:
    try:
        if not appears(question.probe) or question.probe.read_text(encoding="utf-8") != question.word:
            return "another folder than the driver's"
        question.probe.with_name(name).touch()
    except OSError as error:
        return f"not writable ({error.strerror})"
    return ""


def appears(path: Path, seconds: float = SHARED_SECONDS) -> bool:
    """Whether a file that another machine wrote is there, or comes soon."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _unknown(recipe: str) -> str:
    try:
        registry.find(recipe)
    except SteadytuneError as error:
        return str(error).partition(": ")[2].partition(";")[0]
    return ""


def differences(node: str, here: Report, there: Report, question: Question, gpus: float) -> Iterator[Difference]:
    """In what the node `there` differs from the driver `here`, for a sweep whose trials take `gpus` each."""
    folder = question.probe.parent
    wrong = (
        (f"data {question.data}", "readable", there.data, "put the data where every node sees it under this path"),
        (f"folder {folder}", "writable", there.folder, "give --sweeps a folder that all nodes share"),
        (f"recipe {question.recipe}", "found", there.recipe, "install its package on every node"),
    )
    yield from (Difference(node, what, fine, found, fix) for what, fine, found, fix in wrong if found)
    if gpus and not there.gpus:
        fix = "install the driver that nvidia-smi comes with, or start the node with --num-gpus 0"
        yield Difference(node, "GPUs", f"{gpus:g} a trial", "nvidia-smi sees none", fix)
    if here.python != there.python:
        fix = (
            "" if _series(here.python) == _series(there.python) else f"run Python {_series(here.python)} on every node"
        )
        yield Difference(node, "python", here.python, there.python, fix)
    for package, version in here.versions.items():
        found = there.versions.get(package, "")
        if package not in DRIVER_ONLY and found != version:
            must = not found or package == "ray"
            fix = f"install {package}=={version} on every node" if must else ""
            yield Difference(node, package, version, found or "not installed", fix)


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def table(found: Iterable[Difference]) -> Table:
    """What differs, one line each."""
    shown = Table(
        title="Nodes that differ from the driver", title_justify="left", box=None, padding=(0, 2), pad_edge=False
    )
    for column in ("node", "what", "driver", "node has", ""):
        shown.add_column(column, overflow="fold")
    for one in found:
        shown.add_row(one.node, one.what, one.here, one.there, "stops the sweep" if one.fix else "warning")
    return shown
