"""Whether the nodes of a cluster can run a sweep: each inspects itself, and is compared with the driver."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from search.storage.object_store import Storage, check_storage, open_storage
from search.sweep.environment import environment
from search.sweep.uri import is_uri
from trainables import registry
from trainables.errors import SettingsError, SteadytuneError

SHARED_FOLDER_SECONDS = 10.0
"""A network file system may take some seconds to show a file that another machine wrote."""
UNCHECKED_PACKAGES = {"steadytune", "optuna", "mlflow"}
"""steadytune's code is sent to the nodes, and only the driver's processes need Optuna and MLflow."""
SHARE = "give --sweeps a folder that all nodes share, or a --storage"
_SAME_PATH = "put the data under this path on every node, or give a URI"
_SAME_SCRIPT = "a script is not sent to the nodes: put its folder under this path on every node, or share it"
_REACH = "let the node reach it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read where Ray was started"


@dataclass(frozen=True)
class Question:
    """What a node is to check.

    Attributes:
        recipe, data, storage: those of the sweep; `storage` is "" if all nodes share the sweep's folder.
        probe: a file that the driver wrote, at the storage if there is one, else in the sweep's folder.
        token: the content of that file.
        script: what a script needs under the same path on each node: its working directory, and files in it.
    """

    recipe: str
    data: str
    probe: Path
    token: str
    storage: str = ""
    script: Sequence[Path] = ()


@dataclass(frozen=True)
class NodeReport:
    """What a node has.

    Attributes:
        python, versions: of Python, and of the packages that results depend on.
        gpus: how many GPUs nvidia-smi sees.
        data, folder, recipe, script: what is wrong with each; "" if nothing is.
    """

    python: str
    versions: Mapping[str, str]
    gpus: int
    data: str = ""
    folder: str = ""
    recipe: str = ""
    script: str = ""


@dataclass(frozen=True)
class Difference:
    """One difference between a node and the driver; `fix` is not empty if no trial could run on the node."""

    node: str
    subject: str
    on_driver: str
    on_node: str
    fix: str = ""


def inspect_node(question: Question, name: str) -> NodeReport:
    """Inspect the machine that this runs on. In a shared folder it leaves a file called `name` beside the probe."""
    machine = environment()
    return NodeReport(
        python=str(machine["python"]),
        versions=dict(machine["versions"]),
        gpus=len(machine["gpus"]),
        data=_data_problem(question.data),
        folder=_storage_problem(question) if question.storage else _folder_problem(question, name),
        recipe=_recipe_problem(question.recipe),
        script=next((f"{path} is not there" for path in question.script if not path.exists()), ""),
    )


def _data_problem(data: str) -> str:
    path = Path(data)
    if is_uri(data):
        return _refusal(open_storage, "data", data)
    if not path.exists():
        return "not there"
    return "" if os.access(path, os.R_OK) else "not readable"


def _storage_problem(question: Question) -> str:
    if refusal := _refusal(check_storage, "storage", question.storage):
        return refusal
    try:
        content = Storage(question.storage).read(question.probe.name).decode()
    except OSError:
        content = ""
    return "" if content == question.token else "another storage than the driver's"


def _refusal(check: Callable[[str, str], object], field: str, uri: str) -> str:
    try:
        check(field, uri)
    except SettingsError as error:
        return str(error).partition("; ")[2].partition(";")[0]  # without the field and the fix
    return ""


def _folder_problem(question: Question, name: str) -> str:
    try:
        if not wait_for(question.probe) or question.probe.read_text(encoding="utf-8") != question.token:
            return "another folder than the driver's"
        question.probe.with_name(name).touch()
    except OSError as error:
        return f"not writable ({error.strerror})"
    return ""


def wait_for(path: Path) -> bool:
    """Whether a file that another machine wrote exists, or appears within `SHARED_FOLDER_SECONDS`."""
    deadline = time.monotonic() + SHARED_FOLDER_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _recipe_problem(recipe: str) -> str:
    try:
        registry.find(recipe)
    except SteadytuneError as error:
        return str(error).partition(": ")[2].partition(";")[0]  # without the recipe's name and the fix
    return ""


def compare(
    node: str, driver: NodeReport, report: NodeReport, question: Question, gpus_per_trial: float
) -> Iterator[Difference]:
    """The differences between a node and the driver.

    Args:
        node: its name, for the user.
        driver: the driver's own report.
        report: the node's.
        question: what both were asked.
        gpus_per_trial: GPUs that each trial takes.
    """
    location = f"storage {question.storage}" if question.storage else f"folder {question.probe.parent}"
    problems = (
        (f"data {question.data}", "readable", report.data, _REACH if is_uri(question.data) else _SAME_PATH),
        (location, "writable", report.folder, _REACH if question.storage else SHARE),
        (f"recipe {question.recipe}", "found", report.recipe, "install its package on every node"),
        ("the script", "there", report.script, _SAME_SCRIPT),
    )
    yield from (Difference(node, subject, good, bad, fix) for subject, good, bad, fix in problems if bad)
    if gpus_per_trial and not report.gpus:
        fix = "install the driver that nvidia-smi comes with, or start the node with --num-gpus 0"
        yield Difference(node, "GPUs", f"{gpus_per_trial:g} per trial", "nvidia-smi sees none", fix)
    if driver.python != report.python:  # pickles can be read by other patch versions, not by other minor ones
        series = _minor(driver.python)
        fix = "" if series == _minor(report.python) else f"run Python {series} on every node"
        yield Difference(node, "python", driver.python, report.python, fix)
    for package, version in driver.versions.items():
        node_version = report.versions.get(package, "")
        if package not in UNCHECKED_PACKAGES and node_version != version:
            must_match = not node_version or package == "ray"
            fix = f"install {package}=={version} on every node" if must_match else ""
            yield Difference(node, package, version, node_version or "not installed", fix)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def differences_table(differences: Iterable[Difference]) -> Table:
    """The differences as a table, one line each."""
    table = Table(
        title="Nodes that differ from the driver", title_justify="left", box=None, padding=(0, 2), pad_edge=False
    )
    for column in ("node", "what", "driver", "node has", ""):
        table.add_column(column, overflow="fold")
    for item in differences:
        effect = "stops the sweep" if item.fix else "warning"
        table.add_row(item.node, item.subject, item.on_driver, item.on_node, effect)
    return table
