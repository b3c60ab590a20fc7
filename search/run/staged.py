"""Runs stages one after the other, each as an ordinary sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from search.next_step import command
from search.run.ahead import as_checked, check_ahead
from search.stages.progress import check_unedited, stage_state
from search.stages.stages import Stages, StagesFolder
from search.state.more import more_options
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from trainables.errors import SteadytuneError

RunSweep = Callable[[str, SweepSpec | None], SweepState]
"""Runs the sweep of a name to its end: a new one, or with None the one that is there."""


def launch_stages(stages: Stages, root: Path, run_sweep: RunSweep, say: Callable[[str], None]) -> SweepState:
    """Check new stages, write down in `root` what they are, and run them; returns the state of the last.

    Raises:
        SteadytuneError: they cannot run. If that shows before the first trial, no files remain.
    """
    folder = StagesFolder(root, stages.name)
    folder.check_free(stages)
    plans, notes = check_ahead(stages, root)
    for note in notes:
        say(f"note: {note}")
    folder.create(as_checked(stages, plans))
    try:
        return _run(folder, run_sweep, say)
    except SteadytuneError:
        if not any(SweepFolder(root, spec.name).path.exists() for spec in stages.specs):
            folder.remove()
        raise


def resume_stages(folder: StagesFolder, run_sweep: RunSweep, say: Callable[[str], None]) -> SweepState:
    """Go on with the stage that was interrupted, then with those after it; returns the state of the last.

    Raises:
        SteadytuneError: all have ended, a file was edited that may not be any more, or a stage cannot run.
    """
    stages = folder.read()
    spec = stages.specs[-1]
    last = stage_state(folder.root, spec)
    if last is not None and last.ended is not None:
        check_unedited(stages, folder)
        raise SteadytuneError(
            f"all stages of {stages.name} have ended; give the last one more to do, such as "
            f"`{command('resume', spec.name, folder.root, *more_options(last))}`"
        )
    return _run(folder, run_sweep, say)


def _run(folder: StagesFolder, run_sweep: RunSweep, say: Callable[[str], None]) -> SweepState:
    stages = folder.read()
    check_unedited(stages, folder)
    state: SweepState | None = None
    for number, spec in enumerate(stages.specs, 1):
        state = stage_state(folder.root, spec)
        if state is not None and state.ended is not None:
            continue
        say(f"Stage {number} of {len(stages.specs)}, {stages.short(spec)}: sweep {spec.name}")
        state = run_sweep(spec.name, None if state else spec)
    assert state is not None
    return state
