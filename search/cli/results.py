"""The verbs that show or write a sweep's results: explain, export, report, compare, prove."""

# Imports inside functions: figures take plotly or matplotlib, importance takes Optuna, journals PyArrow: seconds.

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from search.cli import options, terminal
from search.cli.options import DEFAULT_ROOT, Json, Root, Storage, SweepName, TrialNumber
from search.sweep.folder import SweepFolder
from search.views.charts.file import check_figure_path, write_chart
from trainables.errors import SteadytuneError

if TYPE_CHECKING:
    from search.state.sweep_state import SweepState


def report(
    name: SweepName,
    to: Annotated[Path | None, typer.Option(help="file to write; the sweep's report.html if not given")] = None,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a sweep's figures and tables as one self-contained HTML file."""
    from search.views.html_report import sweep_report

    folder = options.folder(sweeps, name, storage)
    target = to or folder.path / "report.html"
    options.write(target, sweep_report(options.state(folder), folder))
    print(target)


def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="sweeps to compare")],
    to: Annotated[Path | None, typer.Option(help="HTML file to write as well")] = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Compare sweeps side by side."""
    from rich.table import Table

    from search.views.html_comparison import comparison, comparison_page

    states = {name: options.state(SweepFolder.existing(sweeps, name)) for name in names}
    compared = comparison(states)
    table = Table(*compared.columns, box=None, padding=(0, 2), pad_edge=False)
    for row in compared.rows:
        table.add_row(*row)
    console = terminal.console()
    console.print(table)
    if compared.note:
        console.print(compared.note)
    if to:
        options.write(to, comparison_page(states))
        console.print(str(to))


def prove(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="an exported folder, such as sweeps/NAME/best")],
    epochs: Annotated[int, typer.Option(min=1, help="epochs to train")] = 2,
    data: Annotated[Path | None, typer.Option(help="data set; the sweep's own if not given")] = None,
) -> None:
    """Re-train an export from its files alone and compare each epoch with its trial's."""
    from search.export.prove import prove as prove_export

    for line in prove_export(folder, epochs, data):
        print(line, flush=True)


def explain(
    name: SweepName,
    trial: TrialNumber,
    figure: Annotated[
        Path | None, typer.Option(help="file for a figure of the trial among its peers, .png or .html")
    ] = None,
    every_epoch: Annotated[
        bool, typer.Option("--every-epoch", help="a line for each epoch, also of a long training")
    ] = False,
    json_: Json = False,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Explain what happened to a trial and why."""
    from search.views.explain import explanation, explanation_json
    from trainables.command.failure import last_lines

    if figure:
        check_figure_path(figure)
    state = options.state(options.folder(sweeps, name, storage))
    explained = state.trial(trial)
    if figure:
        from search.views.trial_figure import trial_figure

        write_chart(trial_figure(state, explained), figure)
    if json_:
        print(json.dumps(explanation_json(explained), indent=2))
        return
    for line in explanation(state, explained, every_epoch):
        print(line)
    log = SweepFolder(sweeps, name).trials / f"{trial:04d}" / "log.txt"
    if explained.decision and explained.decision.reason == "failed" and (lines := last_lines(log)):
        print(f"The end of {log}:")
        for line in lines:
            print(f"  {line}")


def export(
    name: SweepName,
    trial: Annotated[int | None, typer.Argument(metavar="TRIAL", help="trial; the best if not given")] = None,
    to: Annotated[
        Path | None, typer.Option(help="folder to write; the sweep's best/ or trial-NNNN/ if not given")
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="also write the model as ONNX, checked against the original")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="also write the ONNX model in int8, with what that costs of its metric")
    ] = False,
    average: Annotated[
        bool, typer.Option("--average", help="write the average of the weights of its fresh seeds, as one model")
    ] = False,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="write its fresh seeds as an ensemble, which `predict` takes")
    ] = False,
    prove: Annotated[
        int, typer.Option(min=0, help="epochs to re-train from the written files, to prove that they are complete")
    ] = 0,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a configuration in the recipe's own format, with its best checkpoint."""
    from search.export.bundle import check_target
    from search.export.int8 import read_numbers
    from search.state.outcome import result

    form = _form(average, ensemble, int8)
    folder = options.folder(sweeps, name, storage)
    state = options.state(folder)
    chosen = state.trial(trial).started.of if trial is not None else result(state).trial
    if chosen < 0:
        raise SteadytuneError(
            f"no trial of sweep {name} trained to its end yet; name one: {folder.command('export', 'TRIAL')}"
        )
    default = folder.best if trial is None else folder.path / f"trial-{chosen:04d}"
    target = to.absolute() if to else default.with_name(default.name + FORMS[form])
    if to:
        check_target(target)
    try:
        written = _write(form, state, folder, chosen, target, onnx)
    except OSError as error:
        raise SteadytuneError(
            f"{target}: cannot be written ({error.strerror}); give another folder with --to"
        ) from None
    for path in written:
        print(path, flush=True)
    if form == "int8":
        print(read_numbers(target).sentence, flush=True)
    if prove:
        from search.export.prove import prove_in_new_process

        prove_in_new_process(target, prove)


Form = Literal["", "average", "ensemble", "int8"]
FORMS: dict[Form, str] = {"": "", "average": "-average", "ensemble": "-ensemble", "int8": ""}
"""What `export` may be asked for besides, and what the folder's name then ends with."""


def _form(average: bool, ensemble: bool, int8: bool) -> Form:
    flags: dict[Form, bool] = {"average": average, "ensemble": ensemble, "int8": int8}
    forms = [form for form, given in flags.items() if given]
    if len(forms) > 1:
        raise SteadytuneError(f"{' and '.join(f'--{form}' for form in forms)} exclude each other; give one of them")
    return forms[0] if forms else ""


def _write(form: Form, state: SweepState, folder: SweepFolder, trial: int, target: Path, onnx: bool) -> list[Path]:
    if form in ("average", "ensemble"):
        from search.export.combined import export_average, export_ensemble

        write = export_average if form == "average" else export_ensemble
        return write(state, folder, trial, target, onnx)
    from search.export.bundle import export

    return export(state, folder, trial, target, onnx, form == "int8")
