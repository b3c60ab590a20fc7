"""Users' requests to a sweep (add, stop, promote, pause): whether they can be done, and their consequences.

`answer` is a pure function of the sweep's state. The command line calls it before it leaves a request, and the driver
calls it again when it takes the request. The driver's answer counts, since a trial may have ended meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from search.control.rules import promote_by_hand
from search.journal.events import Decided, Event, Requested, SearchEnded
from search.pruning.decision import REASONS, Decision
from search.pruning.scheduler import Scheduler
from search.state.more import more_epochs, more_hours
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.plan import Plan
from search.sweep.requests import Request
from trainables.errors import SettingsError, SteadytuneError, nearest

STOPPED = "stopped by hand"


def answer(request: Request, state: SweepState, opening: bool = False) -> Requested:
    """The answer to `request`, for the journal. `opening`: the sweep is just starting."""
    try:
        if opening and request.verb == "pause":
            raise SteadytuneError("the sweep was not running")
        values, note = _check(request, state)
    except SteadytuneError as error:
        return Requested(request.id, request.verb, request.trial, dict(request.values), "refused", str(error))
    return Requested(request.id, request.verb, request.trial, values, "accepted", note)


def _check(request: Request, state: SweepState) -> tuple[dict[str, Any], str]:
    """The values of a request that can be done, and a note on it.

    Raises:
        SteadytuneError: why it cannot be done.
    """
    name = state.plan.spec.name
    if request.verb == "add":
        _check_budget(state)
        return addition(state.plan, request.values)
    if request.verb == "pause":
        return {}, ""
    if request.trial is None:
        if state.ended:
            raise SteadytuneError(f"sweep {name} has ended; there is nothing to stop")
        if state.stopped_by_hand:
            raise SteadytuneError(f"sweep {name} was stopped before; `status` shows what it still does")
        return {}, ""
    trial = state.trial(request.trial)
    if trial.decision:
        ending = f"{trial.decision.reason}: {REASONS[trial.decision.reason]}"
        raise SteadytuneError(
            f"trial {trial.number} of sweep {name} has ended ({ending}); nothing is left to {request.verb}"
        )
    if request.verb == "promote":
        _check_promotable(state, trial)
    return {}, ""


def _check_promotable(state: SweepState, trial: TrialState) -> None:
    if trial.running:
        paused = ", ".join(map(str, state.trials.paused)) or "none is"
        raise SteadytuneError(
            f"trial {trial.number} of sweep {state.plan.spec.name} is running; only a paused trial is promoted "
            f"(paused: {paused})"
        )
    _check_budget(state)


def _check_budget(state: SweepState) -> None:
    """Refuse a trial that the sweep's budget would end at once."""
    spec = state.plan.spec
    if spec.hours is not None and state.active_seconds >= 3600 * spec.hours:
        raise SteadytuneError(
            f"sweep {spec.name} has used up its {spec.hours:g} hours; resume it with more, such as "
            f"{' '.join(more_hours(state))}"
        )
    if spec.epoch_budget is not None and state.epochs >= spec.epoch_budget:
        raise SteadytuneError(
            f"sweep {spec.name} has used up its {spec.epoch_budget} epochs; resume it with more, such as "
            f"{' '.join(more_epochs(state))}"
        )


def addition(plan: Plan, values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The settings of a trial to add, checked, and a note if the sampler cannot learn from it.

    Args:
        plan: the sweep's.
        values: settings by name. The others are drawn, or those of the preset if the sampler cannot learn from it.

    Raises:
        SettingsError: a name is no setting, a value breaks its rule, or the sweep has the setting at another value.
    """
    recipe, name = plan.recipe, plan.spec.name
    if not values:
        raise SettingsError(
            f"a trial for sweep {name} needs a setting, such as lr=1e-3; others are drawn by the sampler"
        )
    for setting in values:
        if setting not in recipe.settings_type.model_fields:
            raise SettingsError(
                f"{setting} is no setting of {recipe.name}; {nearest(setting, recipe.settings_type.model_fields)}"
            )
    settings = plan.settings(values, plan.spec.seed).model_dump(mode="json")
    # The other settings are not drawn yet, so those of the preset stand in. The trial is checked again when it starts.
    checked = recipe.settings(plan.spec.preset, {**plan.pins, **values}).model_dump(mode="json")
    for setting in values:
        if setting == "epochs" and checked[setting] != plan.max_epochs:
            raise SettingsError(
                f"epochs is {checked[setting]}; all trials of sweep {name} have {plan.max_epochs} epochs"
            )
        if setting in plan.pins and checked[setting] != settings[setting]:
            raise SettingsError(f"{setting} is {checked[setting]}; set pins it to {settings[setting]} in sweep {name}")
    chosen = {setting: checked[setting] for setting in values if setting not in (*plan.pins, "epochs")}
    return chosen, "; ".join(outside(plan, chosen))


def outside(plan: Plan, chosen: Mapping[str, Any]) -> list[str]:
    """Why the sampler cannot learn from a trial with the `chosen` settings, by setting; empty if it can."""
    preset = plan.settings({}, plan.spec.seed).model_dump(mode="json")
    reasons = []
    for name, value in chosen.items():
        span = plan.ranges.get(name)
        if name == "seed" or (span is None and value == preset[name]) or (span is not None and value in span):
            continue
        why = f"is outside its range {span}" if span else "is not searched"
        reasons.append(f"{name} {why}, so the sampler does not learn from the trial")
    return reasons


def consequences(request: Requested, state: SweepState, scheduler: Scheduler, remaining: int) -> Iterator[Event]:
    """The events that a request leads to, in order; none if it was refused. An added trial starts later."""
    if not request.accepted:
        return
    if request.verb == "stop" and request.trial is None:
        yield SearchEnded(STOPPED)
        for trial in state.trials.running.values():
            if trial.is_search:
                yield _stopped(trial)
    elif request.verb == "stop" and request.trial is not None:
        yield _stopped(state.trials[request.trial])
    elif request.verb == "promote" and request.trial is not None:
        trial = state.trials[request.trial]
        yield Decided.of(trial.number, trial.curve.epoch, promote_by_hand(trial, state, scheduler, remaining))


def _stopped(trial: TrialState) -> Decided:
    return Decided.of(trial.number, trial.curve.epoch, Decision("stop", "by_hand", STOPPED))
