"""The verb `init`, and what `check` does for scripts: a try, and a look at a log that exists."""

# Imports inside functions: readers of logs and Rich are slow, and `--help` does not load them.

from __future__ import annotations

import shlex
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from search.sweep.plan import Plan
from search.sweep.spec import COMMAND
from trainables.errors import SettingsError, SteadytuneError


def init(
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="a command line that works")],
    to: Annotated[Path, typer.Option(help="sweep file to write")] = Path("sweep.yaml"),
) -> None:
    """Write a sweep file from a training's command line: numbers become ranges, folders placeholders."""
    from search.cli import options
    from trainables.command.from_line import sweep_file
    from trainables.command.program import check_program

    if to.exists():
        raise SteadytuneError(f"{to}: exists; give another file with --to, or remove it")
    check_program(words, Path.cwd())
    text, todo = sweep_file(words)
    options.write(to, text)
    print(f"wrote {to}; still to do:")
    for sentence in todo:
        print(f"  {sentence}")
    print(f"then: {shlex.join(['steadytune', 'check', str(to), '--probe'])}")


def probe_script(plan: Plan, minutes: float) -> None:
    """Run the baseline of a script for an epoch or two, and print what was seen."""
    from trainables.command.probe import probe

    if plan.spec.recipe != COMMAND:
        raise SettingsError(
            f"--probe tries a script, `recipe: command`; {plan.recipe.name} is tried by `steadytune train`"
        )
    with tempfile.TemporaryDirectory(prefix="steadytune-probe-") as folder, limited(minutes):
        try:
            for sentence in probe(plan.recipe, plan.recipe.open(Path(plan.spec.data)), Path(folder)):
                print(sentence, flush=True)
        except SteadytuneError as error:
            from trainables.command.failure import last_lines

            for line in last_lines(Path(folder) / "whole" / "log.txt"):
                print(f"  | {line}")
            raise SteadytuneError(f"--probe: {error}") from None


@contextmanager
def limited(minutes: float) -> Iterator[None]:
    """For the block, a limit on its time.

    Raises:
        SteadytuneError: it took longer.
    """

    def end(number: int, frame: Any) -> None:
        raise SteadytuneError(f"it took more than {minutes:g} minutes; give more with --probe-minutes")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_script_log(plan: Plan, log: Path) -> None:
    """Print the epochs that the sweep's metric source finds in a log that exists."""
    from rich.table import Table

    from search.cli import terminal
    from trainables.command.probe import read_log

    declaration = getattr(plan.recipe, "declaration", None)
    if declaration is None:
        raise SettingsError(f"--read tries a script's metric source, `recipe: command`; {plan.recipe.name} has none")
    epochs = read_log(declaration.metric, log)
    names = list(dict.fromkeys(name for _, values in epochs for name in values))
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("epoch", *names):
        table.add_column(column, justify="right")
    for epoch, values in epochs:
        table.add_row(str(epoch), *(f"{values[name]:.6g}" if name in values else "–" for name in names))
    console = terminal.console()
    console.print(table)
    first = "" if epochs[0][0] == 1 else f", the first is {epochs[0][0]}"
    console.print(f"{len(epochs)} epochs{first}; the metric is {plan.recipe.metric} ({plan.recipe.mode})")
