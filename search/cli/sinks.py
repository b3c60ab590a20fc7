"""The verbs that write a sweep for other tools: optuna, tensorboard, wandb."""

# Imports inside functions: Optuna, TensorBoard and W&B take a second, and only these verbs need them.

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.options import DEFAULT_ROOT, Root, SweepName
from search.sweep.folder import SweepFolder
from trainables.errors import SteadytuneError

if TYPE_CHECKING:
    from search.state.follower import SweepFollower

Follow = Annotated[bool, typer.Option("--follow", help="go on writing until the sweep ends")]
POLL_SECONDS = 1.0


def optuna(
    name: SweepName,
    to: Annotated[Path | None, typer.Option(help="file; the sweep's optuna.log if not given")] = None,
    follow: Follow = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a sweep's search as an Optuna storage, which optuna-dashboard opens."""
    from search.sinks.optuna_storage import OptunaStorage
    from search.state.follower import SweepFollower

    folder = SweepFolder.existing(sweeps, name)
    follower = SweepFollower(folder)
    state = follower.read()
    file = to or folder.path / "optuna.log"
    with _writable(file):
        storage = OptunaStorage(file, name, state.plan.recipe.mode)
        storage.update(state)
    print(f"{file}: open it with `optuna-dashboard {file}`", flush=True)
    if follow:
        _follow(folder, follower, lambda: storage.update(follower.read()))


def tensorboard(
    name: SweepName,
    to: Annotated[Path | None, typer.Option(help="folder; the sweep's tensorboard if not given")] = None,
    follow: Follow = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a sweep's curves and settings as TensorBoard's event files."""
    _check_installed("tensorboard", "TensorBoard")
    from search.sinks.tensorboard_events import TensorBoardEvents
    from search.state.follower import SweepFollower

    folder = SweepFolder.existing(sweeps, name)
    target = to or folder.path / "tensorboard"
    with _writable(target):
        events = TensorBoardEvents(folder, target)
        events.update()
    print(f"{target}: open it with `tensorboard --logdir {target}`", flush=True)
    if follow:
        _follow(folder, SweepFollower(folder), events.update)
    events.close()


def wandb(
    name: SweepName,
    to: Annotated[Path | None, typer.Option(help="folder; the sweep's wandb-offline if not given")] = None,
    project: Annotated[str, typer.Option(help="project of Weights & Biases that the runs belong to")] = "steadytune",
    follow: Follow = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a sweep's trials as offline runs of Weights & Biases, each once it has ended."""
    _check_installed("wandb", "Weights & Biases")
    from search.sinks.wandb_runs import WandbRuns
    from search.state.follower import SweepFollower

    folder = SweepFolder.existing(sweeps, name)
    follower = SweepFollower(folder)
    target = to or folder.path / "wandb-offline"
    with _writable(target):
        runs = WandbRuns(folder, target, project)
        runs.update(follower.read())
    print(f"{target}: upload it with `wandb sync {target}/wandb/offline-run-*`", flush=True)
    if follow:
        _follow(folder, follower, lambda: runs.update(follower.read()))


def _check_installed(library: str, called: str) -> None:
    if find_spec(library) is None:
        raise SteadytuneError(f"{called} is not installed; install it with: pip install 'steadytune[{library}]'")


@contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SteadytuneError(f"{target}: cannot be written ({error.strerror}); give another with --to") from None


def _follow(folder: SweepFolder, follower: SweepFollower, write: Callable[[], None]) -> None:
    """Have `write` repeated until the sweep has ended, or no process runs it any more."""
    elsewhere = bool(folder.spec().address)
    is_open = True
    while is_open:
        is_open = (folder.held or elsewhere) and follower.read().ended is None  # asked before writing
        write()
        time.sleep(POLL_SECONDS if is_open else 0)
