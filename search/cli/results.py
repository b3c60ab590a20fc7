"""The verbs that show what came out of sweeps: report, compare, prove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli import options
from search.cli.options import DEFAULT_ROOT, Root, Storage


def report(
    name: str,
    to: Annotated[Path | None, typer.Option(help="file to write; the sweep's report.html if not given")] = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a sweep's figures and tables as one HTML file to send to somebody."""
    from search.views.page import sweep_page

    folder = options.folder(sweeps, name, storage)
    target = to or folder.path / "report.html"
    options.write(target, sweep_page(options.state(folder), name))
    print(target)


def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="sweeps to put side by side")],
    to: Annotated[Path | None, typer.Option(help="HTML file to write besides")] = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Put sweeps side by side."""
    from rich.table import Table

    from search.folder import SweepFolder
    from search.views.page import comparison, comparison_page

    states = {name: options.state(SweepFolder.existing(sweeps, name)) for name in names}
    found = comparison(states)
    shown = Table(*found.columns, box=None, padding=(0, 2), pad_edge=False)
    for row in found.rows:
        shown.add_row(*row)
    console = options.console()
    console.print(shown)
    if found.note:
        console.print(found.note)
    if to:
        options.write(to, comparison_page(states))
        console.print(str(to))


def prove(
    folder: Annotated[Path, typer.Argument(help="an exported folder, such as sweeps/NAME/best")],
    epochs: Annotated[int, typer.Option(min=1, help="epochs to train")] = 2,
    data: Annotated[Path | None, typer.Option(help="data set; where the sweep had it if not given")] = None,
) -> None:
    """Train an export again from its files alone and compare it with its trial."""
    from search.prove import prove as run

    for line in run(folder, epochs, data):
        print(line, flush=True)


def add_to(app: typer.Typer) -> None:
    """Add these verbs to the command line."""
    for verb in (report, compare, prove):
        app.command()(verb)
