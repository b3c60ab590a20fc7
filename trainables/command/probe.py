"""A declared script tried dry: one epoch, its checkpoint and a resume; or its metric source on a log that exists."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from trainables.checkpoint import size_bytes, write
from trainables.command.checkpoints import read_state
from trainables.command.values import parted
from trainables.errors import DataError
from trainables.logs.epochs import SAME, EpochRows
from trainables.logs.readers import completed, reader
from trainables.logs.store_readers import MLFLOW_FILE
from trainables.objective import Objective
from trainables.recipe import AnyRecipe, Epoch


def probe(recipe: AnyRecipe, data: Any, folder: Path) -> Iterator[str]:
    """Train the baseline for an epoch in `folder`; with a resume for two, and the second once more after a resume.

    Yields sentences on what was seen.

    Raises:
        SteadytuneError: the script failed, or what it wrote cannot be read.
    """
    settings = recipe.settings("declared", {}, recipe.baseline)
    run_folder = folder / "whole"
    run_folder.mkdir(parents=True)
    second: Epoch | None = None
    saved: Path | None = None
    with closing(_trained(recipe, settings, data, run_folder)) as epochs:
        first = next(epochs)
        yield (run_folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()[0]
        yield _described(first)
        if first.saves:
            saved = write(folder / "checkpoints", first.epoch, first.save)
            state = read_state(saved, {})
            size = f"{size_bytes(saved) / 1e6:.3g} MB with its rows"
            yield f"checkpoint: {state.checkpoint} ({size})" if state.checkpoint else "checkpoint: none by epoch 1"
            # A fast script may have trained further by then; those epochs would be compared with themselves.
            following = max(state.seen) + 1
        if saved and recipe.resumes:
            second = next((epoch for epoch in epochs if epoch.epoch >= following), None)
            if second is None:
                yield "resume: not tried, the script was through before it could be paused; give it more epochs"
    if saved and second:
        with closing(_trained(recipe, settings, data, run_folder, saved)) as epochs:
            repeated = next(epoch for epoch in epochs if epoch.epoch >= following)
        yield _compared(second, repeated, recipe.metric)


def _trained(recipe: AnyRecipe, *arguments: Any) -> Generator[Epoch, None, None]:
    return cast("Generator[Epoch, None, None]", recipe.train(*arguments))  # as a recipe's `train` is written


def _described(epoch: Epoch) -> str:
    metrics = ", ".join(f"{name} {value:.6g}" for name, value in epoch.metrics.items()) or "no metric"
    losses = ", ".join(f"{name} loss {value:.6g}" for name, value in epoch.losses.items())
    return f"epoch {epoch.epoch}: {', '.join(filter(None, [metrics, losses]))}; {epoch.seconds['train']:.1f} s"


def _compared(unbroken: Epoch, resumed: Epoch, metric: str) -> str:
    if resumed.remark:
        return f"resume: {resumed.remark}"
    if resumed.epoch != unbroken.epoch:
        return f"resume: it goes on with epoch {resumed.epoch}, where {unbroken.epoch} should follow"
    # Only these: a script may write times, too.
    before, after = ({metric: epoch.metrics.get(metric, math.nan), **epoch.losses} for epoch in (unbroken, resumed))
    for name, value in before.items():
        if name not in after or not (math.isclose(value, after[name], rel_tol=SAME) or math.isnan(value)):
            difference = f"{name} is {value:.6g} without a pause and {after.get(name, math.nan):.6g} with one"
            return f"resume: it goes on with epoch {resumed.epoch}, but not exactly: {difference}"
    return f"resume: it goes on with epoch {resumed.epoch}, exactly as without a pause"


def read_log(objective: Objective, log: Path) -> list[tuple[int, dict[str, float]]]:
    """The epochs that `metric.source` finds in a log that exists: each with its metrics and losses.

    Raises:
        DataError: it finds none, or the log cannot be read as it is declared.
    """
    if not log.exists():
        raise DataError(f"{log}: no such file or folder")
    objective = completed(objective)
    source = objective.source
    assert source is not None
    path = log.parent if source.mlflow and log.name == MLFLOW_FILE else log
    others = [name for name in (*objective.losses, *objective.held_out_losses) if not name.endswith("*")]
    rows, log_reader = EpochRows(objective.parts, others, source), reader(objective, path, log, 0)
    rows.add(log_reader.read(final=True))
    rows.finish()
    epochs = list(rows.ready())
    if not any(name in epoch.values for epoch in epochs for name in objective.parts):
        raise DataError(f"{log}: no epoch with {' and '.join(objective.parts)} was read: {log_reader.state()}")
    read = []
    for epoch in epochs:
        parts = parted(objective, epoch.values)
        read.append((epoch.epoch, parts.metrics | {f"{name} loss": value for name, value in parts.losses.items()}))
    return read
