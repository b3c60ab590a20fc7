"""Runs a sweep and shows it on a console: what `steadytune launch` and `steadytune.launch` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from search.check import check, machine_notes, plan_notes
from search.sampling.warm_start import load_prior_sweeps
from search.stages.fit import check_fit
from search.stages.progress import refuse_reopening
from search.stages.start import check_start, started
from search.state.sweep_state import SweepState
from search.sweep.data_identity import read_identity
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.views.progress import Progress
from search.views.summary import banner, summary
from trainables.vision.findings import lines


def run_shown(
    name: str,
    root: Path,
    new: SweepSpec | None,
    console: Console,
    *,
    confirm: Callable[[], None] | None = None,
    **accepted: bool,
) -> SweepState:
    """Run a new sweep, or resume the one called `name`, to its end in this process.

    Args:
        name: of the sweep.
        root: folder of the sweeps.
        new: its description; None to resume it.
        console: shows it.
        confirm: asks the user before a new sweep for which this machine is hardly made; raises if the answer is no.
        accepted: see `search.run.sweep_run.resume`.

    Raises:
        SteadytuneError: it cannot run.
    """
    folder = SweepFolder(root, name)
    if new:
        folder.check_free()
        spec = started(new, root)
    else:
        SweepFolder.existing(root, name).check_resumable()
        spec = folder.spec()
        refuse_reopening(folder)
        check_start(spec, root)
    if not new and read_identity(folder.path):  # compared by what is trained on, not by all that was downloaded
        spec = spec.model_copy(update={"data_fingerprint": None})
    plan = check(spec, folder.store(spec), look=new is not None)
    classes = check_fit([plan], SweepFolder(root, new.starts_from).best) if new and new.starts_from else []
    warnings = plan.data_look.look.warnings if plan.data_look else ()
    notes = [Text(f"  note: {sentence}") for sentence in [*warnings, *classes]]
    notes += plan_notes(plan, is_new=new is not None)
    doubts = machine_notes(plan) if new else []
    prior = map(str, load_prior_sweeps(plan, root) if new else ())
    announce = partial(_print, console, banner(plan), plan.recipe.notes, lines(plan.findings), notes, doubts, prior)
    if new:
        announce()
    if doubts and confirm:
        confirm()
    from search.run import sweep_run  # imports Ray: a mistake in the sweep file is reported without it

    with Progress(console, name) as progress:
        if new:
            finished = sweep_run.launch(plan, root, progress, console.print)
        else:
            finished = sweep_run.resume(plan, root, progress, console.print, announce, **accepted)
    console.print()
    _print(console, summary(finished.state, folder))
    if not finished.recorder.finish():
        console.print(f"MLflow could not be brought up to date; try later: {folder.command('sync')}")
    return finished.state


def _print(console: Console, *groups: Iterable[RenderableType]) -> None:
    for item in chain.from_iterable(groups):
        console.print(item)
