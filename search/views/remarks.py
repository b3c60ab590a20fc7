"""Remarks on a sweep's recipe and trainings for its report."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from search.pruning.wrong_way import wrong_way
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.views.status_table import label, plural


def remarks(state: SweepState) -> Iterator[str]:
    """The recipe's notes, then those of its trainings."""
    yield from state.plan.recipe.notes
    yield from trial_remarks(state)


def trial_remarks(state: SweepState) -> Iterator[str]:
    """Each remark on a training once, with how many other trainings it holds for."""
    alike: dict[str, list[tuple[TrialState, str]]] = defaultdict(list)
    for trial in state.trials.values():
        for remark in remarks_of(trial):
            # Remarks that differ in their numbers alone say the same.
            alike[re.sub(r"-?\d[\d.e-]*|nan|inf", "#", remark)].append((trial, remark))
    for trials in alike.values():
        others = f" (and {plural(len(trials) - 1, 'other trial')} likewise)" if len(trials) > 1 else ""
        first, remark = trials[0]
        yield f"Trial {label(first)}: {remark}{others}."


def remarks_of(trial: TrialState) -> list[str]:
    """What its training had to say, and what its curve shows."""
    return [remark for remark in (trial.remark, wrong_way(trial.curve)) if remark]
