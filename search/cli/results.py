"""The verbs that show what came out of sweeps: report, compare, prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import options
from search.cli.options import DEFAULT_ROOT, Json, Root, Storage

if TYPE_CHECKING:
    pass


def report(
    name: str,
    to: Annotated[Path | None, typer.Option(help="file to write; the sweep's report.html if not given")] = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a sweep's figures and tables as one HTML file to send to somebody."""
    from search.views.html_report import sweep_page

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

    from search.sweep.folder import SweepFolder
    from search.views.html_report import comparison, comparison_page

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
    from search.export.prove import prove as run

    for line in run(folder, epochs, data):
        print(line, flush=True)


def explain(
    name: str,
    trial: int,
    figure: Annotated[Path | None, typer.Option(help="draw the trial among its peers there, .png or .html")] = None,
    json_: Json = False,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Tell what became of a trial and why."""
    from search.views.charts.file import check_figure_path, write_chart
    from search.views.explain import explanation, explanation_json

    if figure:
        check_figure_path(figure)
    state = options.state(options.folder(sweeps, name, storage))
    found = state.trial(trial)
    if figure:
        from search.views.trial_figure import trial_figure

        write_chart(trial_figure(state, found), figure)
    if json_:
        print(json.dumps(explanation_json(found), indent=2))
        return
    for line in explanation(state, found):
        print(line)


def export(
    name: str,
    trial: Annotated[int | None, typer.Argument(help="trial; the best if not given")] = None,
    to: Annotated[
        Path | None, typer.Option(help="folder to write; the sweep's best/ or trial-NNNN/ if not given")
    ] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="write the model as ONNX too, checked against torch")] = False,
    prove: Annotated[int, typer.Option(help="epochs to train it again from the written files, to prove them")] = 0,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a configuration in the recipe's own format, with its checkpoint."""
    from search.export.bundle import check_target
    from search.export.bundle import export as write
    from search.state.outcome import result
    from trainables.errors import SteadytuneError

    folder = options.folder(sweeps, name, storage)
    state = options.state(folder)
    chosen = state.trial(trial).started.of if trial is not None else result(state).trial
    if chosen < 0:
        raise SteadytuneError(
            f"no trial of sweep {name} trained to its end yet; name one: steadytune export {name} TRIAL"
        )
    target = to.absolute() if to else folder.best if trial is None else folder.path / f"trial-{chosen:04d}"
    if to:
        check_target(target)
    try:
        written = write(state, folder, chosen, target, onnx)
    except OSError as error:
        raise SteadytuneError(
            f"{target}: cannot be written ({error.strerror}); give another folder with --to"
        ) from None
    for path in written:
        print(path, flush=True)
    if prove:
        from search.export.prove import prove_in_new_process

        prove_in_new_process(target, prove)


VERBS = (explain, export, report, compare, prove)
