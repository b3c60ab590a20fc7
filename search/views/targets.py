"""Which of its targets a sweep's winner meets, in sentences."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from search.state.sweep_state import SweepState
from search.state.targets import Difference, TargetResult, differences, target_results
from search.sweep.targets import Target
from trainables.metric_text import metric_text


def target_lines(state: SweepState) -> Iterator[str]:
    """One sentence for each target, and one for each part of the data; none without targets or without a winner."""
    for result in target_results(state):
        yield f"Target {result.target}: {_verdict(result)}."
        yield from (_sentence(part, result.target) for part in differences(state, result.target))


def _sentence(part: Difference, target: Target) -> str:
    difference = statistics.fmean(part.by_seed)
    way = "above" if difference >= 0 else "below"
    seeds = f" over {len(part.by_seed)} fresh seeds" if len(part.by_seed) > 1 else ""
    spread = f" ± {metric_text(part.std, part.winner, part.reference)}" if seeds else ""
    values = f"{metric_text(part.winner)} and {metric_text(part.reference)}"
    distance = metric_text(abs(difference), part.winner, part.reference)
    return f"{part.metric} is {distance}{spread} {way} {target.over}{seeds} ({values})."


def _verdict(result: TargetResult) -> str:
    target = result.target
    if result.value is None:
        return f"unknown, as no epoch reported {target.metric}; `steadytune browse NAME` shows what was"
    if result.bound is None:
        return f"unknown, as {target.over} reached no value; {target.metric} is {metric_text(result.value)}"
    bound = f" ({metric_text(result.bound)})" if target.over else ""
    if result.met:
        return f"met with {metric_text(result.value)}{bound}"
    distance = metric_text(abs(result.value - result.bound), result.value, result.bound)
    return f"missed by {distance}: {metric_text(result.value)}{bound}"
