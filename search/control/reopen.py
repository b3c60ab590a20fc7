"""Prepares a sweep's journal for the next run: cuts off damage, and records changes of the sweep's description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search.control.steering import answer
from search.journal.events import Row, SweepExtended
from search.journal.repair import cut
from search.journal.segments import Journal, read
from search.state.extension import changes, gives_more, recorded_spec
from search.state.more import more_options
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan, make_plan
from search.sweep.requests import RequestBox
from search.sweep.spec import SweepSpec
from spaces.space import ranges
from trainables.errors import SteadytuneError
from trainables.settings import parse


def cut_journal(folder: SweepFolder) -> str:
    """Cut the sweep's journal before its first row that cannot be read; returns a sentence about it."""
    last, set_aside = cut(folder.journal)
    if not set_aside:
        return f"The journal is whole: all {last} rows are there, nothing was given up."
    names = ", ".join(path.name for path in set_aside)
    return (
        f"Row {last} is now the journal's last; what came after it is trained again, and MLflow gets a new run for the "
        f"sweep. Set aside in {folder.journal}: {names}"
    )


def change(folder: SweepFolder, fields: Mapping[str, Any]) -> None:
    """Change the description of a sweep that does not run. The change takes effect at its next resume.

    Raises:
        SteadytuneError: the sweep runs, a value is wrong, a field cannot be changed any more, or the sweep has ended
            and gets nothing more that it could do. Then nothing is written.
    """
    folder.check_resumable()
    changed_spec = parse(SweepSpec, folder.spec().model_dump() | dict(fields), "resume")
    plan = make_plan(changed_spec, training=False)  # before it is written: a sweep that no verb can read would remain
    rows = _rows(folder)
    state = _state(plan, rows)
    changed = _changed(plan, rows, state)
    if changed and state.ended:
        if not gives_more(changed):
            listed = ", ".join(f"{name}: {value}" for name, (_, value) in changed.items())
            more = folder.command("resume", *more_options(_state(folder.plan(), rows)))
            raise SteadytuneError(
                f"sweep {folder.name} has ended, and {listed} gives it nothing more to do; give it more, such as "
                f"`{more}`"
            )
        _check_budget(plan.spec, state, changed)
    with folder.locked():
        folder.change(**fields)


def nothing_left(state: SweepState, folder: SweepFolder) -> str:
    """The error that the sweep has ended; it says what can be done now."""
    more, status = folder.command("resume", *more_options(state)), folder.command("status")
    has_winner = state.ended is not None and state.ended.trial >= 0
    lacks_best = has_winner and not folder.best.is_dir()
    best = f", have its best written to this machine by `{folder.command('export')}`" if lacks_best else ""
    return f"sweep {folder.name} has ended; give it more to do, such as `{more}`{best}, or see `{status}`"


def extend(plan: Plan, folder: SweepFolder) -> SweepState:
    """Record how the sweep's description has changed since its last run; returns the state after that.

    Raises:
        SteadytuneError: a field was changed that cannot be changed, or the sweep's hours or epochs are used up.
    """
    rows = _rows(folder)
    state = _state(plan, rows)
    changed = _changed(plan, rows, state)
    if changed and (not state.ended or gives_more(changed)):
        if state.ended:
            _check_budget(plan.spec, state, changed)
        journal = Journal(folder.journal)
        state.apply(journal.append(SweepExtended(changed)))
        journal.flush()
    if state.ended:
        _answer_requests(state, folder)
    return state


def _rows(folder: SweepFolder) -> list[Row]:
    return list(read(folder.journal)) if folder.journal.is_dir() else []


def _state(plan: Plan, rows: Sequence[Row]) -> SweepState:
    state = SweepState(plan)
    for row in rows:
        state.apply(row)
    return state


def _changed(plan: Plan, rows: Sequence[Row], state: SweepState) -> dict[str, list[Any]]:
    """How `plan` differs from the description in the journal; empty if the journal has none.

    Raises:
        SteadytuneError: a field was changed that cannot be.
    """
    before = recorded_spec(rows)
    if before is None and state.ended:  # an older version did not record it; how many trials there were is known
        before = plan.spec.model_dump(mode="json", exclude_none=True)
        before["trials"] = min(plan.spec.trials, len(state.trials.search))
    return changes(before, plan.spec, ranges(plan.space)) if before else {}


def _check_budget(spec: SweepSpec, state: SweepState, changed: Mapping[str, Sequence[Any]]) -> None:
    """Refuse to raise one limit of a sweep if another one has been reached and stays.

    Raises:
        SteadytuneError: its hours are used up; or its epochs are, and it was only given more trials.
    """
    used_up = ""
    if spec.hours is not None and state.active_seconds >= 3600 * spec.hours:
        used_up = f"its {spec.hours:g} hours; give it more with --hours"
    elif spec.epoch_budget is not None and state.epochs >= spec.epoch_budget:
        more = [name for name in changed if gives_more({name: changed[name]})]
        used_up = f"its {spec.epoch_budget} epochs; give it more with --total-epochs" if more == ["trials"] else ""
    if used_up:
        raise SteadytuneError(f"sweep {spec.name} has used up {used_up}, counted from its launch")


def _answer_requests(state: SweepState, folder: SweepFolder) -> None:
    """Answer the requests to a sweep that has ended. A trial may be added to it; everything else is refused."""
    requests = RequestBox(folder.requests)
    journal = Journal(folder.journal)
    for request in requests.pending():
        if request.id not in state.requests:
            state.apply(journal.append(answer(request, state, opening=True)))
            journal.flush()
        requests.remove(request)
