"""The first and the last words of a sweep: how long it may take, and what came out."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from search.control.audit import HARM, audit
from search.pruning.decision import REASONS
from search.state.outcome import Finalist, best_checkpoint, finalists
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.views.pareto import pareto_front, pareto_table
from search.views.status_table import description, label, number


def banner(spec: SweepSpec) -> Iterator[str]:
    """What is about to happen and how long it may take."""
    yield f"Sweep {spec.name}: {spec.recipe}, {spec.preset} preset, {spec.trials} trials, seed {spec.seed}."
    if spec.hours:
        yield f"It takes at most {_duration(spec.hours * 3600)}, and 15 to 40 seconds more to start the workers."
    else:
        yield "It ends when its trials have ended; the time left is shown once the first epochs are done."


def sweep_runs(places: int) -> str:
    """That nothing stands in the way of the first trial any more."""
    return f"The sweep runs: {places} {'trial' if places == 1 else 'trials'} at a time."


def summary(state: SweepState, folder: SweepFolder, browse: str) -> Iterator[RenderableType]:
    """The result: the winner, what stopped the others, where everything is, and what to do next."""
    ranked = finalists(state)
    if state.ended is None or not ranked:
        yield "No trial trained to its end, so there is no best configuration."
        yield from _stopped(state)
        return
    best = ranked[0]
    yield _comparison(ranked, state)
    yield f"\nBest configuration: trial {label(best.trial)}, {state.plan.recipe.metric} {_spread(best)}"
    yield f"  {description(best.trial)}"
    baseline = next((one for one in ranked if one.trial.started.named == state.plan.recipe.baseline), None)
    if baseline is not None and baseline is not best:
        gain = best.trial.curve.oriented(best.mean - baseline.mean)
        yield f"  {gain:+.4f} against the baseline {state.plan.recipe.baseline!r} ({_spread(baseline)})"
    yield ""
    if state.plan.spec.also:
        yield pareto_table(pareto_front(state), state.plan.recipe.metric, state.plan.spec.also)
        yield ""
    yield from _stopped(state)
    if state.search_ended:
        drawn = f"{len(state.trials.search)} of {state.plan.spec.trials} trials"
        yield f"The search ended itself after {drawn}: {state.search_ended.detail}."
    yield from _audited(state)
    took = f"{len(state.trials)} trials in {_duration(state.active_seconds)}"
    yield f"\n{took}; the workers trained {state.utilisation:.0%} of the time."
    found = best_checkpoint(state, best.trial.started.trial, folder)
    if found:
        yield f"Checkpoint: {found[2]} (epoch {found[1]})"
    yield f"Exported:   {folder.best}"
    yield f"Results in the browser: {browse}"


def _comparison(ranked: list[Finalist], state: SweepState) -> Table:
    title = "Re-trained on fresh seeds" if any(one.confirmed for one in ranked) else "Best trial"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2), pad_edge=False)
    for column in ("trial", state.plan.recipe.metric, "seeds", "in the search"):
        table.add_column(column, justify="left" if column == "trial" else "right")
    for one in ranked:
        lost = f", {one.failed} lost" if one.failed else ""
        seeds = f"{len(one.values)}{lost}" if one.confirmed else f"none{lost}"
        table.add_row(label(one.trial), _spread(one), seeds, number(one.trial.curve.smoothed_value))
    return table


def _spread(one: Finalist) -> str:
    return f"{one.mean:.4f} ± {one.std:.4f}" if len(one.values) > 1 else f"{one.mean:.4f}"


def _stopped(state: SweepState) -> Iterator[str]:
    stopped = [trial for trial in state.trials.values() if trial.decision and trial.decision.reason != "done"]
    if stopped:
        yield "Stopped trials:"
    for trial in stopped:
        assert trial.decision is not None
        reason = trial.decision.reason
        when = f"{label(trial)} after epoch {trial.decision.epoch}"
        yield f"  {when}: {reason} ({REASONS[reason]}): {trial.decision.detail}"


def _audited(state: SweepState) -> Iterator[str]:
    found = audit(state)
    if found.audited:
        yield (
            f"Audit: {found.wrong} of {found.audited} stopped trials would have improved by more than {HARM:.0%} "
            f"(95 % interval {found.low:.0%} to {found.high:.0%} of all stops), {found.beaten} would have won."
        )


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return (
        f"{seconds:.0f} seconds"
        if minutes < 2
        else f"{minutes:.1f} minutes"
        if minutes < 120
        else f"{minutes / 60:.1f} hours"
    )
