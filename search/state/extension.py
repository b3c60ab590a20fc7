"""Changes of a sweep's description between two of its runs, such as more trials for one that has ended.

A sweep that is given more to do takes back several ends: its result, the end of its search, and the end of each trial
that was paused when the search finished or that the budget ended. Their journal rows stay. Code that builds a state
from the journal drops these decisions, so that the trials are paused or running as they were before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from search.journal.events import Decided, Requested, Row, SearchEnded, SweepEnded, SweepExtended, SweepOpened
from search.sweep.spec import COMMAND, SweepSpec, read_stored_spec
from spaces.added import NEVER
from spaces.value_range import is_range
from trainables.errors import SteadytuneError

BUDGET = (
    *("trials", "total_epochs", "hours", "patience", "stop_at_targets"),
    *("confirm_top", "confirm_seeds", "audit"),
)
"""Fields that say how much a sweep does."""
MACHINERY = (
    *("data", "data_cache_gb", "data_fingerprint", "storage", "store", "address"),
    *("workers", "cpus", "gpus", "memory_gb", "retries", "hang_minutes"),
    *("checkpoint_every", "keep_checkpoints", "max_checkpoint_gb"),
    *("limits", "also", "targets", "combine_seeds"),
)
"""Fields that say where and how it runs. All others say what is searched, and past decisions depend on them."""

SPACE = "set"
"""The field with the ranges that trials are drawn from. It may change: the sampler then learns only from those trials
that it could draw now."""

_FILLED_IN = ("gpus", "data_fingerprint", "name")
"""Fields that the program itself changes: a run of the sweep, or `steadytune rename`."""


def recorded_spec(rows: Iterable[Row]) -> dict[str, Any] | None:
    """The sweep's description by its journal; None if an older version wrote it, or nothing has run."""
    spec: dict[str, Any] | None = None
    for row in rows:
        if isinstance(row.event, SweepOpened):
            spec = row.event.spec
        elif isinstance(row.event, SweepExtended) and spec is not None:
            changed = spec | {name: after for name, (_, after) in row.event.changes.items()}
            spec = {name: value for name, value in changed.items() if value is not None}
    return spec


def changes(before: Mapping[str, Any], now: SweepSpec, searchable: Collection[str] = ()) -> dict[str, list[Any]]:
    """The fields that differ, each with its value before and now.

    Args:
        before: the description by the journal.
        now: the present one.
        searchable: the settings that the sweep's space can draw.

    Raises:
        SteadytuneError: one of them cannot be changed in a sweep that has begun.
    """
    before, after = _fields(read_stored_spec(before, "journal")), _fields(now)  # both with today's defaults
    differing = {
        name: [before.get(name), after.get(name)]
        for name in SweepSpec.model_fields
        if before.get(name) != after.get(name) and name not in _FILLED_IN
    }
    for name, (old, new) in differing.items():
        if name == SPACE:
            check_space(old or {}, new or {}, searchable, now.name)
        elif name not in BUDGET + MACHINERY:
            raise SteadytuneError(
                f"sweep.yaml of sweep {now.name}: {name} is {new}, but the sweep began with {old}; its trials would "
                f"not be comparable: set it back, or launch a new sweep with `warm_start: [{now.name}]`"
            )
    return differing


def space_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between two versions of `set`: by setting, what it gave before and after; None means nothing."""
    names = dict.fromkeys([*before, *after])
    pairs = {name: (before.get(name), after.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def has_other_space(rows: Iterable[Row]) -> bool:
    """Whether the space has changed since the sweep began, so that the sampler may not know all trials."""
    return any(isinstance(row.event, SweepExtended) and SPACE in row.event.changes for row in rows)


def check_space(before: Mapping[str, Any], after: Mapping[str, Any], searchable: Collection[str], name: str) -> None:
    """Check that only searched settings have changed: a range may become wider, narrower or a single value.

    Raises:
        SteadytuneError: a setting that no trial draws has another value now.
    """
    for setting, (old, new) in space_changes(before, after).items():
        if setting in searchable or (setting not in NEVER and (is_range(old) or is_range(new))):
            continue
        old, new = ("the preset's value" if value is None else value for value in (old, new))
        raise SteadytuneError(
            f"set.{setting} of sweep {name} is {new}, but the sweep began with {old}; all its trials have it, so they "
            f"would not be comparable: set it back, or launch a new sweep with `warm_start: [{name}]`"
        )


def _fields(spec: SweepSpec) -> dict[str, Any]:
    """The fields of `spec`. The search's epochs are under `total_epochs`, even if the user called them `epochs`."""
    values = spec.model_dump(mode="json", exclude_none=True)
    if spec.recipe != COMMAND:  # there `epochs` are those of one training
        values.pop("epochs", None)
    return values | ({"total_epochs": spec.epoch_budget} if spec.epoch_budget else {})


def gives_more(changed: Mapping[str, Sequence[Any]]) -> bool:
    """Whether the changes of a sweep's budget give it more to do."""
    return any(_is_more(name, *changed[name]) for name in BUDGET if name in changed)


def _is_more(name: str, before: float | None, after: float | None) -> bool:
    if name in ("total_epochs", "hours", "patience"):  # None means no limit
        return after is None or (before is not None and after > before)
    if name == "stop_at_targets":
        return not after
    return (after or 0) > (before or 0)


def continues(decisions: Sequence[Decided]) -> bool:
    """Whether a trial with these decisions ended only because the sweep had no more to do."""
    if not decisions or decisions[-1].action != "stop":
        return False
    was_paused = len(decisions) > 1 and decisions[-2].action == "pause"
    return decisions[-1].reason == "budget" or (decisions[-1].reason == "rung" and was_paused)


def taken_back(rows: Iterable[Row]) -> dict[int, int | None]:
    """The rows that later extensions, and trials added by hand, take back.

    Returns:
        By a row's sequence number, the trial that the row is about; None if it is about the sweep.
    """
    decisions: dict[int, list[Row]] = {}
    ends: list[Row] = []
    rows_taken_back: dict[int, int | None] = {}
    for row in rows:
        event = row.event
        if isinstance(event, Decided):
            decisions.setdefault(event.trial, []).append(row)
        elif isinstance(event, (SearchEnded, SweepEnded)):
            ends.append(row)
        elif isinstance(event, Requested) and event.adds:  # the sweep's result may change
            rows_taken_back.update({end.seq: None for end in ends if isinstance(end.event, SweepEnded)})
            ends = [end for end in ends if not isinstance(end.event, SweepEnded)]
        elif isinstance(event, SweepExtended) and gives_more(event.changes):
            for trial, of_trial in decisions.items():
                if continues([decided.event for decided in of_trial if isinstance(decided.event, Decided)]):
                    rows_taken_back[of_trial.pop().seq] = trial
            rows_taken_back.update({end.seq: None for end in ends})
            ends.clear()
    return rows_taken_back


def that_stand(rows: Sequence[Row]) -> list[Row]:
    """The rows without those that were taken back, since a scheduler and a sampler cannot undo the end of a trial."""
    dropped = taken_back(rows)
    return [row for row in rows if row.seq not in dropped]
