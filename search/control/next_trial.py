"""Which trial starts next, as its `TrialStarted`: one of the search, one added by hand, a confirmation or an audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.control import audit
from search.control.steering import outside
from search.journal.events import BY_HAND, Kind, TrialStarted
from search.pruning.scheduler import Scheduler
from search.sampling.searcher import Searcher
from search.sampling.warm_start import prior_values
from search.state.outcome import finalist_numbers
from search.state.started import Started
from search.state.sweep_state import SweepState
from search.sweep.plan import Plan
from search.sweep.seeds import derived
from spaces.recorded import redrawn
from spaces.space import drawable


def search_trial(state: SweepState, scheduler: Scheduler, searcher: Searcher) -> TrialStarted:
    """The next trial of the search: a named training, a configuration of an earlier sweep, or a newly drawn one."""
    plan, number = state.plan, len(state.trials)
    index = len(state.trials.search) - state.started_by_hand - state.repeated
    named = plan.named[index] if index < len(plan.named) else None
    if state.to_repeat:
        named = next(training for training in plan.named if training[0] == state.to_repeat[0])
    prior = prior_values(plan, state.prior_trials, index - len(plan.named))
    values: Mapping[str, Any] | None
    if named:
        # Outside the user's narrowed ranges it is trained as it is, but is no trial of the study. So the sampler is not
        # asked for a proposal either: that would fit its model at a moment at which a resumed search does not fit it.
        values = drawable(plan.space, named[1], plan.spec.set)
    else:
        values = prior or scheduler.new() or searcher.propose(number, {})
    drawn = searcher.ask(number, values) if values is not None and plan.ranges else {}
    seed = derived(plan.spec.seed, f"trial/{number}")
    settings = {**named[1], **drawn} if named else drawn
    return _event(plan, number, "search", number, named[0] if named else "", seed, drawn, settings)


def added_trial(state: SweepState, searcher: Searcher) -> TrialStarted | None:
    """The next trial that a user has added; None if there is none. The sampler draws the settings that were not given.

    If the user gave a value that the sampler could not have drawn, the trial is not part of the study, and the other
    settings are those of the preset.
    """
    if not state.to_add:
        return None
    plan, number, values = state.plan, len(state.trials), dict(state.to_add[0].values)
    seed = values.pop("seed", derived(plan.spec.seed, f"trial/{number}"))
    searched = {name: value for name, value in values.items() if name in plan.ranges}
    in_study = bool(plan.ranges) and not outside(plan, values)
    drawn = searcher.ask(number, searcher.propose(number, searched)) if in_study else {}
    return _event(plan, number, "search", number, BY_HAND, seed, drawn, {**drawn, **values})


def confirming_trial(state: SweepState) -> TrialStarted | None:
    """The next training of a finalist on a fresh seed; None if all have started. The search may still be running."""
    # Seed by seed: if time runs out, as many finalists as possible have at least one.
    for index in range(state.plan.spec.confirm_seeds):
        for of in finalist_numbers(state):
            if len(state.trials.confirmations(of)) <= index:
                # All finalists get the same fresh seeds, so that the seeds do not decide between them.
                return _repeat(state, "confirm", of, derived(state.plan.spec.seed, f"confirm/{index}"))
    return None


def auditing_trial(state: SweepState) -> TrialStarted | None:
    """The next audit: a stopped trial that is trained to its end; None if there is none."""
    of = audit.due(state)
    return None if of is None else _repeat(state, "audit", of, state.trials[of].started.seed)


def redrawn_values(plan: Plan, started: Started) -> dict[str, Any] | None:
    """An earlier trial expressed as a draw from the present space; None if that space could not have drawn it."""
    values, not_drawable = redrawn(plan.space, plan.spec.set, {**plan.earlier_values, **started.settings})
    return None if not_drawable else values


def _repeat(state: SweepState, kind: Kind, of: int, seed: int) -> TrialStarted:
    before = state.trials[of].started
    settings = state.plan.repeated(before.settings, seed).model_dump()
    return TrialStarted(len(state.trials), kind, of, before.named, seed, before.drawn, settings)


def _event(
    plan: Plan,
    number: int,
    kind: Kind,
    of: int,
    named: str,
    seed: int,
    drawn: dict[str, Any],
    values: Mapping[str, Any],
) -> TrialStarted:
    settings = plan.settings({name: value for name, value in values.items() if name != "seed"}, seed)
    return TrialStarted(number, kind, of, named, seed, drawn, settings.model_dump())
