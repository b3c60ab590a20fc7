"""Which of its targets a sweep's winner meets, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from search.state.sweep_state import SweepState
from search.state.targets import TargetResult, target_results
from search.views.status_table import number


def target_lines(state: SweepState) -> Iterator[str]:
    """One sentence for each target; none without targets or without a winner."""
    for result in target_results(state):
        yield f"Target {result.target}: {_verdict(result)}."


def _verdict(result: TargetResult) -> str:
    target = result.target
    if result.value is None:
        return f"unknown, as no epoch reported {target.metric}; `steadytune explain NAME TRIAL` lists what was"
    if result.bound is None:
        return f"unknown, as {target.over} reached no value; {target.metric} is {number(result.value)}"
    bound = f" ({number(result.bound)})" if target.over else ""
    if result.met:
        return f"met with {number(result.value)}{bound}"
    return f"missed by {number(abs(result.value - result.bound))}: {number(result.value)}{bound}"
