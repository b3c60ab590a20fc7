"""The verb that runs recorded trainings again: `steadytune replay`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search import options
from search.options import DEFAULT_ROOT, Json, Root

if TYPE_CHECKING:
    from search.replay.recording import Recording


def replay(
    source: Annotated[str, typer.Argument(help="a sweep's name, a folder of trainings, or a CSV file")],
    metric: Annotated[str | None, typer.Option(help="the objective's column, if the source does not say")] = None,
    mode: Annotated[str, typer.Option(help="max or min: which values of the metric are better")] = "max",
    workers: Annotated[int, typer.Option(min=1, help="trials at a time")] = 4,
    orders: Annotated[int, typer.Option(min=1, help="orders in which the trials start")] = 20,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="what to compare: fields of a sweep, such as scheduler=asha,min_peers=4; may be repeated"),
    ] = None,
    sweeps: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Run recorded trainings again in virtual time: what would each scheduler have kept, and what stopped?"""
    from search.replay.sources import read
    from search.replay.table import POLICIES, scores, table
    from trainables.errors import SettingsError

    if mode not in ("max", "min"):
        raise SettingsError(f"--mode is {mode!r}; it must be max or min")
    path = sweeps / source if (sweeps / source / "sweep.yaml").is_file() else Path(source)
    recordings = read(path, metric, mode)  # type: ignore[arg-type]  # checked above
    chosen = {text: _policy(text) for text in policy} if policy else POLICIES
    found = list(scores(recordings, chosen, workers, orders))
    if as_json:
        print(json.dumps([asdict(one) for one in found]))
        return
    console = options.console()
    for line in _heading(recordings, workers, orders):
        console.print(line)
    console.print(table(found))


def _policy(text: str) -> dict[str, Any]:
    """`scheduler=asha,min_peers=4` as fields of a sweep; `stability.strict=true` goes one deeper."""
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
    cut = sum(run.censored for recording in recordings for run in recording.runs)
    epochs = sum(recording.epochs for recording in recordings)
    lines = [f"{runs} trainings in {len(recordings)} recordings, {epochs} epochs; {workers} workers, {orders} orders"]
    if cut:
        lines.append(
            f"{cut} of them had been stopped: how they would have gone on is not known, so they end there again. "
            "A sweep with --scheduler none can be replayed in full."
        )
    return lines
