"""What the verbs of the command line share: options, and how they become a sweep."""

# Imports inside functions: PyArrow (to read a journal) and Rich cost tenths of a second, which `--help` does not pay.

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.next_step import DEFAULT_SWEEPS, SWEEPS_VARIABLE
from search.sweep.folder import SweepFolder
from trainables.atomic import write_file
from trainables.errors import SettingsError, SteadytuneError
from trainables.settings import parse_value

if TYPE_CHECKING:
    from search.state.sweep_state import SweepState

SweepName = Annotated[str, typer.Argument(metavar="NAME", help="name of the sweep; `steadytune ls` lists them")]
RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="a recipe's name (`steadytune recipes` lists them), or module:Class")
]
TrialNumber = Annotated[
    int, typer.Argument(metavar="TRIAL", help="number of the trial, as `steadytune status NAME` shows it")
]
Root = Annotated[Path, typer.Option("--sweeps", envvar=SWEEPS_VARIABLE, help="folder that holds the sweeps")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="setting that replaces the preset's; may be repeated"),
]
Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
Address = Annotated[
    str | None,
    typer.Option(help="Ray cluster: auto or HOST:PORT joins it, http://HEAD:8265 runs the sweep there as a job"),
]
Storage = Annotated[
    str | None,
    typer.Option(help="URI of the sweep's storage; files that are newer there are first downloaded to --sweeps"),
]
Detach = Annotated[
    bool, typer.Option("--detach", help="run as a job of the cluster, which continues without this terminal")
]
Background = Annotated[
    bool,
    typer.Option("--background", help="run on this machine without this terminal; `logs NAME --follow` watches it"),
]
DEFAULT_ROOT = DEFAULT_SWEEPS


def folder(root: Path, name: str, storage: str | None) -> SweepFolder:
    """A sweep's folder, first brought up to date from `storage` if one is given.

    Raises:
        SteadytuneError: there is no such sweep, or its storage cannot be read.
    """
    if not storage:
        return SweepFolder.existing(root, name)
    from search.storage.remote_sweep import fetch

    return fetch(root, name, storage)


def state(folder: SweepFolder) -> SweepState:
    """The state of a sweep, from its journal."""
    from search.state.follower import SweepFollower

    return SweepFollower(folder).read()


def write(target: Path, text: str) -> None:
    """Write a file of results, completely or not at all.

    Raises:
        SteadytuneError: it cannot be written there.
    """
    try:
        write_file(target, text)
    except OSError as error:
        raise SteadytuneError(f"{target}: cannot be written ({error.strerror}); give another file with --to") from None


def pairs(texts: list[str] | None, option: str, example: str = "lr=1e-3") -> dict[str, Any]:
    """`["lr=1e-3"]` as `{"lr": 0.001}`; a complaint shows `example`.

    Raises:
        SettingsError: a text is no pair, or its value is no YAML; `option` begins the message.
    """
    values: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise SettingsError(f"{option} is {text!r}; it must be name=value, such as {option} {example}")
        values[name.strip()] = parse_value(value, f"{option} {name}")
    return values
