"""Everything that can be checked about a sweep before training, and its description for `steadytune check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from search.next_step import seen_from_here
from search.storage.dataset_cache import fetch
from search.storage.object_store import check_storage, open_storage
from search.sweep.data_identity import describe as describe_data
from search.sweep.data_identity import read_identity, resumed_with
from search.sweep.field_checks import check_new
from search.sweep.folder import SweepFolder
from search.sweep.notes import notes, unused_ranges
from search.sweep.plan import Plan, corners, make_plan
from search.sweep.spec import SweepSpec
from search.sweep.uri import is_uri
from search.tracking.store_check import check_store
from search.views.data_look import terminal
from search.views.look_process import look_apart
from trainables.command.program import check_program
from trainables.settings import parse
from trainables.vision.findings import lines


def check(spec: SweepSpec, store: str, *, look: bool = True) -> Plan:
    """The plan of a sweep after all checks: fields, storage, every file of the data set, and the MLflow store.

    A data set at a URI is downloaded to this machine's cache, and its fingerprint becomes part of the plan. If `look`,
    the plan also gets a description of the data set and a picture of a training batch.

    Raises:
        SteadytuneError: at the first problem.
    """
    plan = make_plan(spec)
    if look:  # a new sweep: earlier versions took what is refused now
        check_new(plan)
    if spec.storage:
        check_storage("storage", spec.storage)
    path = Path(plan.spec.data)
    if is_uri(spec.data):
        open_storage("data", spec.data)
        fetched = fetch(spec.data, spec.data_cache_gb, spec.data_fingerprint)
        path = fetched.path
        plan = replace(plan, spec=plan.spec.model_copy(update={"data_fingerprint": fetched.fingerprint}))
    data = plan.recipe.open(path)
    check_store(store)
    if not plan.spec.address:
        from search.execution.this_machine import check_resources  # imports Ray, which a sweep file's mistakes need not

        check_resources(plan.spec)
        if plan.spec.command:  # on a cluster, each node looks before the first trial
            check_program(plan.spec.command, Path(plan.spec.directory or "").absolute())
    named = [parse(plan.recipe.settings_type, values, name) for name, values in plan.named]
    for settings in [*named, *corners(plan)]:
        plan.recipe.check(settings, data)
    for settings in named if not plan.spec.address else ():  # a cluster's nodes fetch for themselves
        plan.recipe.fetch(settings)
    findings = tuple(getattr(data, "findings", ()))  # an own recipe's data need have none
    plan = replace(plan, findings=findings, data=describe_data(plan.spec, path, data))
    return replace(plan, data_look=look_apart(plan, path)) if look else plan


def resumed(plan: Plan, folder: SweepFolder, accept_changed: bool, notify: Callable[[str], None]) -> Plan:
    """`plan` with the data that the sweep in `folder` goes on with, which are then written there.

    Args:
        plan: from `check`.
        folder: the sweep's.
        accept_changed: whether to go on even if the data have changed since the sweep began.
        notify: tells the user about the data.

    Raises:
        DataError: the data have changed; it says how.
    """
    if plan.data is None:
        return plan
    identity, note = resumed_with(folder.name, plan.spec.data, read_identity(folder.path), plan.data, accept_changed)
    if note:
        notify(note)
    identity.write(folder.path)
    if folder.spec().data_fingerprint != plan.spec.data_fingerprint:  # of a download, which holds other files too
        folder.change(data_fingerprint=plan.spec.data_fingerprint)
    return replace(plan, data=identity)


def plan_notes(plan: Plan, is_new: bool = True) -> list[Text]:
    """What the user should know before the sweep runs, new or resumed; see `search.sweep.notes`."""
    return [Text(f"  note: {note}") for note in (notes(plan) if is_new else unused_ranges(plan))]


def machine_notes(plan: Plan) -> list[Text]:
    """What the user should know about this machine before the sweep runs on it."""
    from search.execution.this_machine import preset_notes  # imports Ray

    return [Text(f"  note: {note}") for note in preset_notes(plan)]


AT_RUNGS = {
    "asha": "trials below the cutoff are paused, and may be promoted later",
    "stopping": "trials below the cutoff are stopped",
    "freeze_thaw": "every trial is paused; the one with the highest upper confidence bound trains next",
}
"""What happens to trials at a rung, by scheduler."""


def describe(plan: Plan, verbose: bool = False) -> Iterator[RenderableType]:
    """The plan as text: the data, budget, rungs, first trials, and the ranges that settings are drawn from.

    `verbose` lists each file of which something was repaired or left out, not only how many there are.
    """
    spec = plan.spec
    data = "can be trained on, but" if plan.findings else "no problem found"
    on_data = f"data {seen_from_here(spec.data)}" if spec.data else "no data named"
    yield f"{spec.name}: recipe {plan.recipe.name}, preset {spec.preset}, {on_data}: {data}"
    yield from plan.recipe.notes
    yield from plan_notes(plan)
    yield from machine_notes(plan)
    if spec.address and spec.script_files:
        script = spec.script_files[0]
        yield f"The script is not sent to the nodes: {script} must be there on every node of {spec.address}."
    yield from lines(plan.findings, verbose)
    if plan.findings and not verbose:
        yield "  (each of them: steadytune check SWEEP.yaml --verbose)"
    if plan.data_look:
        yield from terminal(plan.data_look, verbose)
        yield ""
    confirmation = (
        f"then the {spec.confirm_top} best and the baseline are re-trained on {spec.confirm_seeds} fresh seeds"
        if spec.confirm_top
        else "no confirmation on fresh seeds"
    )
    budget = [f"{spec.trials} trials of {plan.max_epochs} epochs"]
    budget += [f"{spec.epoch_budget} epochs in all"] if spec.epoch_budget else []
    budget += [f"{spec.hours:g} hours"] if spec.hours else []
    yield f"at most {' and '.join(budget)}, {confirmation}"
    if spec.scheduler != "none":
        rungs = ", ".join(map(str, plan.rungs)) or "none"
        yield f"rungs at epochs {rungs}: {AT_RUNGS[spec.scheduler]}"
        if plan.early_rungs:
            early = ", ".join(map(str, plan.early_rungs))
            yield f"early rungs at epochs {early}: trials that look better there train first"
    yield f"first trials: {', '.join(name for name, _ in plan.named) or 'none enqueued'}"
    if plan.pins:
        yield "pinned: " + ", ".join(f"{name}={value}" for name, value in plan.pins.items())
    if plan.ranges:
        yield ranges_table(plan)


def ranges_table(plan: Plan) -> Table:
    """The ranges that the sweep draws settings from."""
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("setting", "drawn from", "when"):
        table.add_column(column)
    for name, searched in plan.ranges.items():
        table.add_row(name, str(searched), searched.when)
    return table
