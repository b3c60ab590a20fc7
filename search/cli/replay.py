"""The verb `replay`: simulates sweeps over recorded trainings."""

# Imports inside functions: simulations need NumPy, SciPy and Optuna, which `--help` does not load.

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.cli import options, terminal
from search.cli.options import DEFAULT_ROOT, Json, Root
from search.tracking.store_check import check_store
from search.views.charts.file import check_figure_path, write_chart
from trainables.errors import SettingsError

if TYPE_CHECKING:
    from search.replay.recording import Recording

SOURCE_HELP = "a sweep's name, a folder of trainings, a CSV file, or with --store an MLflow experiment"
MAX_REMARKS = 30
"""How many sentences on what was left out are printed."""


def replay(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    metric: Annotated[str | None, typer.Option(help="the objective's column, if the source does not name it")] = None,
    mode: Annotated[str, typer.Option(help="max or min: which values of the metric are better")] = "max",
    store: Annotated[str | None, typer.Option(help="MLflow tracking URI that has the experiment SOURCE")] = None,
    workers: Annotated[int, typer.Option(min=1, help="trials that run at a time")] = 4,
    orders: Annotated[int, typer.Option(min=1, help="random orders in which the trainings start")] = 20,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE,...",
            help="scheduler settings to compare: fields of a sweep, such as scheduler=asha,min_peers=4; "
            "may be repeated",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="file for a figure of epochs against regret, .png or .html")
    ] = None,
    sweep_defaults: Annotated[
        bool, typer.Option("--sweep-defaults", help="look for asha settings that would have suited these trainings")
    ] = False,
    max_file_mib: Annotated[int, typer.Option(min=1, help="largest recorded file that is read, in MiB")] = 32,
    sweeps: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Simulate schedulers on recorded trainings: which epochs would each have saved, which good runs stopped?"""
    from search.replay import choose_defaults
    from search.replay.figure import chart
    from search.replay.scores import SCHEDULERS, scores, table

    if figure:
        check_figure_path(figure)
    remarks: list[str] = []
    recordings = _read(source, store, metric, mode, sweeps, max_file_mib, remarks.append)
    console = terminal.console()
    if not as_json:
        for line in _heading(recordings, workers, orders):
            console.print(line)
    if sweep_defaults:
        choice = choose_defaults.choose(recordings, workers, orders)
        if as_json:
            print(json.dumps(asdict(choice) | {"verdict": choice.verdict}))
        else:
            console.print(choose_defaults.table(choice))
            console.print(choice.verdict)
        _print_remarks(remarks, as_json)
        return
    compared = {text: _scheduler_settings(text) for text in policy} if policy else SCHEDULERS
    scored = list(scores(recordings, compared, workers, orders))
    if figure:
        write_chart(chart(scored), figure)
    if as_json:
        print(json.dumps([score.as_json() for score in scored]))
    else:
        console.print(table(scored))
    _print_remarks(remarks, as_json)


def _print_remarks(remarks: list[str], as_json: bool) -> None:
    """Print what was left out of the recordings, last, where it is not scrolled away; on stderr beside JSON."""
    lines = remarks[:MAX_REMARKS]
    if len(remarks) > MAX_REMARKS:
        lines.append(f"and {len(remarks) - MAX_REMARKS} more; a folder with fewer trainings tells them all")
    for line in lines:
        print(line, file=sys.stderr if as_json else sys.stdout)


def _read(
    source: str,
    store: str | None,
    metric: str | None,
    mode: str,
    sweeps: Path,
    max_file_mib: int,
    remark: Callable[[str], None],
) -> list[Recording]:
    """The recordings in an MLflow experiment, a sweep, a folder or a file; `remark` takes what was left out."""
    if mode not in ("max", "min"):
        raise SettingsError(f"--mode is {mode!r}; it must be max or min")
    if store is not None:
        from search.replay.mlflow_source import read_experiment

        check_store(store)
        return read_experiment(store, source, metric, mode)  # type: ignore[arg-type]  # checked above
    from search.replay.sources import read

    # `os.path` answers no for a name that the system does not take, where `Path` raises.
    path = sweeps / source if os.path.isfile(sweeps / source / "sweep.yaml") else Path(source)
    return read(path, metric, mode, remark, max_file_mib << 20)  # type: ignore[arg-type]  # checked above


def _scheduler_settings(text: str) -> dict[str, Any]:
    """`scheduler=asha,min_peers=4` as fields of a sweep; `stability.strict=true` is a field of a field."""
    fields: dict[str, Any] = {}
    for name, value in options.pairs(text.split(","), "--policy").items():
        outer, dot, inner = name.partition(".")
        if dot:
            fields.setdefault(outer, {})[inner] = value
        else:
            fields[name] = value
    return fields


def _heading(recordings: list[Recording], workers: int, orders: int) -> list[str]:
    runs = sum(len(recording.runs) for recording in recordings)
    censored = sum(run.censored for recording in recordings for run in recording.runs)
    epochs = sum(recording.epochs for recording in recordings)
    lines = [f"{runs} trainings in {len(recordings)} recordings, {epochs} epochs; {workers} workers, {orders} orders"]
    if censored:
        lines.append(
            f"{censored} of them had been stopped: how they would have continued is not known, so they end there "
            "again. A sweep with --scheduler none can be replayed in full."
        )
    return lines
