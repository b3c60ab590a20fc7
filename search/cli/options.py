"""What the verbs of the command line share: options, and how they become a sweep."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from search.state.sweep_state import SweepState
    from search.sweep.folder import SweepFolder
    from search.sweep.spec import SweepSpec

Root = Annotated[Path, typer.Option("--sweeps", envvar="STEADYTUNE_SWEEPS", help="folder that holds the sweeps")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="pin or narrow a setting: lr=1e-3, 'lr={low: 1e-5, high: 1e-3}'")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
Address = Annotated[
    str | None,
    typer.Option(help="Ray cluster: auto or HOST:PORT joins it, http://HEAD:8265 runs the sweep there as a job"),
]
Storage = Annotated[
    str | None,
    typer.Option(help="URI of the sweep's storage: what is newer there is fetched to --sweeps first"),
]
Detach = Annotated[bool, typer.Option("--detach", help="run as a job of the cluster, which outlives this terminal")]
DEFAULT_ROOT = Path("sweeps")


def console() -> Console:
    """Where results are printed: as wide as the terminal, or without folding lines where there is none."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def command(verb: str, name: str, root: Path) -> str:
    """What to type next."""
    where = [] if root == DEFAULT_ROOT else ["--sweeps", str(root)]
    return shlex.join(["steadytune", verb, name, *where])


def folder(root: Path, name: str, storage: str | None) -> SweepFolder:
    """A sweep's folder, as its storage has it if one is given."""
    from search.sweep.folder import SweepFolder

    if not storage:
        return SweepFolder.existing(root, name)
    from search.storage.remote_sweep import fetch

    return fetch(root, name, storage)


def state(folder: SweepFolder) -> SweepState:
    """A sweep as far as its journal tells."""
    from search.state.follower import SweepFollower

    return SweepFollower(folder).look()


def write(target: Path, text: str) -> None:
    """Write a file of results, whole or not at all.

    Raises:
        SteadytuneError: it cannot be written there.
    """
    from trainables.errors import SteadytuneError

    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise SteadytuneError(f"{target}: cannot be written ({error.strerror}); give another file with --to") from None


def value(text: str | None, option: str) -> Any:
    """`"0.5"` as 0.5, `"auto"` as it is."""
    from trainables.settings import parse_value

    return None if text is None else parse_value(text, option)


def pairs(texts: list[str] | None, option: str) -> dict[str, Any]:
    """`["lr=1e-3"]` as `{"lr": 0.001}`."""
    from trainables.errors import SettingsError
    from trainables.settings import parse_value

    values: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise SettingsError(f"{option} is {text!r}; it must be name=value, such as {option} lr=1e-3")
        values[name.strip()] = parse_value(value, f"{option} {name}")
    return values


def sweep(file: Path | None, options: dict[str, Any], sets: list[str] | None, stability: list[str] | None) -> SweepSpec:
    """The sweep that a file and the options on top of it describe."""
    from search.sweep.spec import read_spec
    from trainables.errors import SettingsError
    from trainables.settings import read_yaml

    values = read_yaml(file) if file else {}
    values |= {name: value for name, value in options.items() if value not in (None, [])}
    for field, given in (("set", pairs(sets, "--set")), ("stability", pairs(stability, "--stability"))):
        before = values.get(field) or {}
        if not isinstance(before, dict):
            raise SettingsError(f"{file}: {field} is {before!r}; it must be a mapping of names to values")
        if before or given:
            values[field] = before | given
    if "recipe" in values:
        stem = str(values["recipe"]).partition(":")[0].rpartition(".")[2]
        values.setdefault("name", f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    return read_spec(values, str(file) if file else "sweep")
