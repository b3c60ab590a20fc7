"""How far stages have come, by their sweeps alone; and edits that would change what later stages started from."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from search.journal.events import SweepOpened
from search.journal.segments import read
from search.stages.stages import Stages, StagesFolder
from search.state.extension import changes, gives_more, recorded_spec
from search.state.follower import SweepFollower
from search.state.more import more_options
from search.state.sweep_state import SweepState
from search.sweep.folder import STAGES_FILE, SweepFolder
from search.sweep.followers import followers
from search.sweep.spec import SweepSpec, read_stored_spec
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.start import start_settings

FILLED_IN = ("set", "earlier_stages", "data_fingerprint", "gpus", "name")
"""Fields of a stage that its launch fills in; `set` is compared without them."""


def stage_state(root: Path, spec: SweepSpec) -> SweepState | None:
    """How far the sweep of a stage is; None if it has not begun."""
    folder = SweepFolder(root, spec.name)
    return SweepFollower(folder).read() if folder.spec_file.is_file() else None


def check_unedited(stages: Stages, folder: StagesFolder) -> None:
    """Check that what has been trained is still what the files say.

    Raises:
        SteadytuneError: a stage that has begun is another one in `stages.yaml`; one that has ended, in its own
            `sweep.yaml`; or one is gone from which a later one started.
    """
    begun = [SweepFolder(folder.root, spec.name).spec_file.is_file() for spec in stages.specs]
    for number, spec in enumerate(stages.specs):
        if not begun[number]:
            if any(begun[number:]):
                raise SteadytuneError(
                    f"stages {stages.name}: sweep {spec.name} is gone, but later stages started from it; restore it, "
                    "or launch the stages under another name"
                )
            continue
        _check_stage(stages, spec, folder)
        if any(begun[number + 1 :]):
            _check_ended(SweepFolder(folder.root, spec.name), stages)


def _check_stage(stages: Stages, spec: SweepSpec, folder: StagesFolder) -> None:
    sweep = SweepFolder(folder.root, spec.name)
    rows = read(sweep.journal) if sweep.journal.is_dir() else ()
    began = next((row.event.spec for row in rows if isinstance(row.event, SweepOpened) and row.event.spec), None)
    if began is None:  # it has not run, so nothing depends on what it was
        return
    was, now = _comparable(read_stored_spec(began, spec.name)), _comparable(spec)
    for name in SweepSpec.model_fields:
        if was.get(name) != now.get(name):
            raise SteadytuneError(
                f"{folder.file}: {name} of stage {stages.short(spec)} is {now.get(name)}, but the stage began with "
                f"{was.get(name)}; set it back{_instead(name, now.get(name), sweep)}"
            )


def _instead(field: str, value: Any, sweep: SweepFolder) -> str:
    """What else changes the `field` of a stage that has begun; "" if nothing does."""
    state = SweepFollower(sweep).read()
    if any(followers(sweep)):
        return ""
    if field == "set":
        more = more_options(state) if state.ended else []
        return f", and change a range by `{sweep.command('resume', *more, '--set', 'NAME.high=VALUE')}`"
    if value is None or field not in ("trials", "total_epochs", "hours"):
        return ""
    if state.ended and not gives_more({field: [getattr(state.plan.spec, field), value]}):
        return ""
    option = f"--{field.replace('_', '-')}"
    return f", and change the stage by `{sweep.command('resume', option, str(value))}`"


def _comparable(spec: SweepSpec) -> dict[str, Any]:
    values = spec.model_dump(mode="json", exclude_none=True, exclude=set(FILLED_IN))
    start = start_settings(registry.find(spec.recipe, spec.declaration), Path("export")) if spec.starts_from else {}
    return values | {"set": {name: value for name, value in spec.set.items() if name not in start}}


def _check_ended(sweep: SweepFolder, stages: Stages) -> None:
    before = recorded_spec(read(sweep.journal))
    edited = changes(before, sweep.spec(), list(sweep.plan().ranges)) if before else {}
    for name, (old, new) in edited.items():
        raise SteadytuneError(
            f"{sweep.spec_file}: {name} is {new}, but the stage ended with {old}, and a later stage of {stages.name} "
            "started from its winner; set it back, or launch the stages under another name"
        )


def refuse_reopening(folder: SweepFolder) -> None:
    """Refuse to go on with a sweep from whose winner another one started: its winner may change.

    Raises:
        SteadytuneError: there is such a sweep.
    """
    for follower in followers(folder):
        raise SteadytuneError(
            f"sweep {folder.name} has ended, and {follower} started from its winner, which must stay the same; launch "
            f"a new sweep with `warm_start: [{folder.name}]`"
        )


def refuse_renaming(folder: SweepFolder) -> None:
    """Refuse another name for a sweep that others know by its name, or whose settings name a file of another one.

    Raises:
        SteadytuneError: it is a stage, started from another sweep, or another one started from it.
    """
    folders = [StagesFolder(folder.root, file.parent.name) for file in folder.root.glob(f"[!.]*/{STAGES_FILE}")]
    for stages in folders:
        if folder.name in (spec.name for spec in stages.read().specs):
            raise SteadytuneError(f"sweep {folder.name} is a stage of {stages.name}, which knows it by its name")
    for follower in followers(folder):
        raise SteadytuneError(f"sweep {follower} started from {folder.name}, which it knows by its name")


def refuse_removal(folder: SweepFolder, removed: Collection[str]) -> None:
    """Refuse to delete a sweep that others need, which are not among the `removed`.

    Raises:
        SteadytuneError: another one started from it, and could not go on.
    """
    if others := [follower for follower in followers(folder) if follower not in removed]:
        names = [folder.name]  # then those that started from it, those that started from these, and so on
        for name in names:
            names += [follower for follower in followers(SweepFolder(folder.root, name)) if follower not in names]
        raise SteadytuneError(
            f"sweep {others[0]} started from {folder.name}, and cannot go on without it; delete {_all_of(names)}: "
            f"`{folder.command('rm', *names[1:])}`"
        )


def _all_of(names: Collection[str]) -> str:
    return "both" if len(names) == 2 else f"all {len(names)}"
