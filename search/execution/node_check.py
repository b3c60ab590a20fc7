"""Whether the nodes of a cluster can run a sweep: each looks at itself, and is compared with the driver."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from search.storage.object_store import Storage, check_storage, open_storage
from search.sweep.environment import environment
from search.sweep.uri import is_uri
from trainables import registry
from trainables.errors import SettingsError, SteadytuneError

SHARED_SECONDS = 10.0
"""A network file system may show a file of another machine only after some seconds."""
DRIVER_ONLY = {"steadytune", "optuna", "mlflow"}
"""The packages of this name travel with the sweep; the others run in the driver's process alone."""
SHARE = "give --sweeps a folder that all nodes share, or a --storage"
_SAME_PATH = "put the data where every node sees it under this path, or give a URI"
_REACH = "let the node reach it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read where Ray was started"


@dataclass(frozen=True)
class Question:
    """What a node is asked: the sweep's recipe and data, and the `word` that the driver left in `probe`.

    The probe lies at the sweep's `storage` if it has one, else in its folder.
    """

    recipe: str
    data: str
    probe: Path
    word: str
    storage: str = ""


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
        data=_unreadable(question.data),
        folder=_other_storage(question) if question.storage else _not_shared(question, name),
        recipe=_unknown(question.recipe),
    )


def _unreadable(data: str) -> str:
    path = Path(data)
    if is_uri(data):
        return _refused(open_storage, "data", data)
    if not path.exists():
        return "not there"
    return "" if os.access(path, os.R_OK) else "not readable"


def _other_storage(question: Question) -> str:
    if wrong := _refused(check_storage, "storage", question.storage):
        return wrong
    try:
        found = Storage(question.storage).read(question.probe.name).decode()
    except OSError:
        found = ""
    return "" if found == question.word else "another storage than the driver's"


def _refused(check: Callable[[str, str], object], field: str, uri: str) -> str:
    try:
        check(field, uri)
    except SettingsError as error:
        return str(error).partition("; ")[2].partition(";")[0]
    return ""


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


def _kept_in(question: Question) -> str:
    return f"storage {question.storage}" if question.storage else f"folder {question.probe.parent}"


def differences(node: str, here: Report, there: Report, question: Question, gpus: float) -> Iterator[Difference]:
    """In what the node `there` differs from the driver `here`, for a sweep whose trials take `gpus` each."""
    wrong = (
        (f"data {question.data}", "readable", there.data, _REACH if is_uri(question.data) else _SAME_PATH),
        (_kept_in(question), "writable", there.folder, _REACH if question.storage else SHARE),
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
