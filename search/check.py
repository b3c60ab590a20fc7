"""Everything that can be known about a sweep before training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table

from search.pruning.rungs import milestones
from search.storage.dataset_cache import fetch
from search.storage.object_store import check_storage, open_storage
from search.sweep.plan import Plan, make_plan
from search.sweep.spec import SweepSpec
from search.sweep.uri import is_uri
from search.tracking.store_check import check_store


def check(spec: SweepSpec, store: str) -> Plan:
    """The checked sweep: its fields, every file of its data set (fetched, if it lies at a URI), its storage, its store.

    Raises:
        SteadytuneError: the first thing that is wrong.
    """
    checked = make_plan(spec)
    if spec.storage:
        check_storage("storage", spec.storage)
    path = Path(spec.data)
    if is_uri(spec.data):
        open_storage("data", spec.data)
        fetched = fetch(spec.data, spec.data_cache_gb, spec.data_fingerprint)
        path = fetched.path
        checked = replace(checked, spec=spec.model_copy(update={"data_fingerprint": fetched.fingerprint}))
    checked.recipe.open(path)
    check_store(store)
    return checked


BEHIND = {
    "asha": "those behind wait",
    "stopping": "those behind stop",
    "freeze_thaw": "all wait there, and who promises most trains next",
}
"""What becomes of trials at a rung, under each scheduler that has any."""


def describe(made: Plan) -> Iterator[RenderableType]:
    """A checked sweep in words: what it will draw, how long its trainings are, where its rungs lie."""
    spec = made.spec
    yield f"{spec.name}: {made.recipe.name}, preset {spec.preset}, data {spec.data}: in order"
    confirm = (
        f"then the {spec.confirm_top} best and the baseline on {spec.confirm_seeds} fresh seeds"
        if spec.confirm_top
        else "no confirmation"
    )
    limits = [f"{spec.epochs} epochs in all"] if spec.epochs else []
    limits += [f"{spec.hours:g} hours"] if spec.hours else []
    yield f"at most {' and '.join([f'{spec.trials} trials of {made.max_epochs} epochs', *limits])}, {confirm}"
    if spec.scheduler != "none":
        behind = BEHIND[spec.scheduler]
        rungs = ", ".join(map(str, milestones(made.grace_epochs, made.reduction_factor, made.max_epochs))) or "none"
        yield f"rungs at epochs {rungs}: {behind}"
    yield f"first trials: {', '.join(name for name, _ in made.named) or 'none enqueued'}"
    if made.pins:
        yield "pinned: " + ", ".join(f"{name}={value}" for name, value in made.pins.items())
    yield ranges_table(made)


def ranges_table(made: Plan) -> Table:
    """The ranges that the sweep draws from."""
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("drawn", "from", "when"):
        table.add_column(column)
    for name, asked in made.ranges.items():
        table.add_row(name, str(asked), asked.when)
    return table
