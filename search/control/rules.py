"""The decision rules: what happens to a trial after each of its epochs.

The rules are tried in turn, and the first that applies decides: a failed training (`stop_rules`), the last epoch, an
unwanted training (`stop_rules` too), the sweep's budget, at a rung the user's limits on what a training costs, doubts
about the training (`stop_rules` again), the comparison at a rung (`search.pruning.scheduler`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from search.journal.events import EpochDone
from search.pruning.curve import orient
from search.pruning.decision import FAILURES, Action, Decision, stop
from search.pruning.peers import NEWEST_PEERS, Peers, median_of_peers
from search.pruning.rungs import RungResult
from search.pruning.scheduler import Scheduler
from search.pruning.stop_rules import broken, doubtful, verdict
from search.state.cost import limit_exceeded
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.measure import UNITS
from trainables.metric_text import metric_text
from trainables.recipe import Alarm, AnyRecipe

SAME_FAILURES = 3
"""If this many trials fail alike before any trial has finished an epoch, no other trial is started."""


def decide(
    trial: TrialState, state: SweepState, scheduler: Scheduler, done: EpochDone, budget_reason: str, remaining: int
) -> Decision | None:
    """The decision about a trial after an epoch; None if no rule applies and it simply continues.

    Args:
        trial: with the epoch already on its curve.
        state: the sweep, for the trial's peers.
        scheduler: it has heard of the epoch.
        done: the epoch that was reported.
        budget_reason: why the sweep's budget has ended for this trial, or "".
        remaining: how many trials the search may still start.
    """
    plan = state.plan
    judged = _stop_rules(trial, state, _alarm(done))
    if judged and judged.reason in FAILURES:
        return judged
    decision = _completed(trial) or judged or _out_of_budget(budget_reason)
    if decision is None and trial.is_search and plan.spec.scheduler != "none":
        return (
            _over_limit(trial, state, scheduler)
            or _demoted(trial, state, scheduler)
            or _compare(trial, plan.recipe, scheduler, remaining)
        )
    return decision


def _over_limit(trial: TrialState, state: SweepState, scheduler: Scheduler) -> Decision | None:
    """The decision to end, at a rung, a trial that cannot win, since it costs more than the user's limits allow.

    Otherwise it would be promoted in place of those that can: large models are often the better ones.
    """
    limits = state.plan.spec.limits
    if trial.trains_to_end or scheduler.due(trial.number) is None:
        return None
    exceeded = limit_exceeded(trial, limits)
    if exceeded is None:
        return None
    measure, value = exceeded
    high, unit = limits[measure].high, UNITS[measure]
    what = "its fastest epoch takes" if measure == "epoch_seconds" else "its checkpoint has"
    return stop(
        "over_limit", f"{what} {value:.4g} {unit}; the limit of {measure} is {high:g} {unit}", cost=value, high=high
    )


def _demoted(trial: TrialState, state: SweepState, scheduler: Scheduler) -> Decision | None:
    """The decision to demote a trial about whose training the stop rules have doubts: it is paused at once.

    A trial is demoted only after an epoch with a checkpoint, from which it can continue. A simulated trial needs none.
    """
    rung = None if trial.trains_to_end else scheduler.demotion(trial.number)
    if rung is None or max(trial.checkpoints, default=trial.curve.epoch) < trial.curve.epoch:
        return None
    doubt = doubtful(trial.curve, state.plan.max_epochs, state.plan.spec.stability, _peers(trial, state))
    if doubt is None:
        return None
    result = scheduler.rung_result(trial.number, rung)
    numbers = {**doubt.numbers, "rung": rung, "rank": result.peers, "peers": result.peers}
    return replace(doubt, detail=f"{doubt.detail}; behind all others at the epoch-{rung} rung", numbers=numbers)


def _stop_rules(trial: TrialState, state: SweepState, alarm: Alarm | None) -> Decision | None:
    """What the stop rules say about `trial`."""
    curve, thresholds = trial.curve, state.plan.spec.stability
    # An audit shows how a stopped trial would have continued, so nothing stops it again.
    if trial.started.kind == "audit":
        return None
    # The result compares the finalists with the baseline and with the trainings that targets name: these train on. So
    # does one that the recipe knows to be good: the search begins near it (`search.sampling.rank_model`).
    if trial.trains_to_end or not trial.is_search:
        return broken(curve, thresholds, alarm)
    return verdict(curve, state.plan.max_epochs, thresholds, alarm, _peers(trial, state))


def _peers(trial: TrialState, state: SweepState) -> Peers:
    return partial(_median_best, state, trial.number)


def _median_best(state: SweepState, without: int, epoch: int) -> float | None:
    """The median of the best objectives by `epoch` of the search's newest trials except `without`; None if too few."""
    newest = state.trials.search[-NEWEST_PEERS:]
    return median_of_peers(trial.curve.best_by(epoch) for trial in newest if trial.number != without)


def _completed(trial: TrialState) -> Decision | None:
    if trial.curve.epoch < trial.started.settings["epochs"]:
        return None
    return Decision("stop", "done", f"trained all {trial.curve.epoch} epochs")


def _out_of_budget(reason: str) -> Decision | None:
    return Decision("stop", "budget", reason) if reason else None


def _alarm(done: EpochDone) -> Alarm | None:
    return Alarm(done.alarm, done.alarm_detail) if done.alarm else None


def _compare(trial: TrialState, recipe: AnyRecipe, scheduler: Scheduler, remaining: int) -> Decision | None:
    """The comparison at a rung, if the trial has just reached one."""
    rung = scheduler.due(trial.number)
    if rung is None:
        return None
    result = scheduler.rung_result(trial.number, rung)
    action = scheduler.action(trial.number, rung, remaining)
    if action != "continue" and trial.trains_to_end:  # see `_stop_rules`
        named = trial.started.named
        why = "which a target names" if trial.is_reference else "which is known to be good"
        name = "the baseline" if trial.is_baseline else f"{named}, {why}"
        return _at_rung(result, recipe, scheduler, "continue", remaining, f"no rung stops {name}")
    return _at_rung(result, recipe, scheduler, action, remaining, _undecided(scheduler, rung))


def _undecided(scheduler: Scheduler, rung: int) -> str:
    why = scheduler.undecided(rung)
    return f"{why}, so all are promoted" if why else ""


def promote(state: SweepState, scheduler: Scheduler, remaining: int) -> tuple[TrialState, Decision] | None:
    """The paused trial to promote now, and the decision that says so; None if there is none.

    Args:
        state: the sweep.
        scheduler: the sweep's.
        remaining: how many trials the search may still start.
    """
    promotion = scheduler.promotable(remaining)
    if promotion is None:
        return None
    number, rung = promotion
    result = scheduler.rung_result(number, rung)
    note = _undecided(scheduler, rung)
    return state.trials[number], _at_rung(result, state.plan.recipe, scheduler, "continue", remaining, note)


def promote_by_hand(trial: TrialState, state: SweepState, scheduler: Scheduler, remaining: int) -> Decision:
    """The decision to promote a paused trial because a user asked for it; it says how the trial compares by now."""
    rung = int(trial.decisions[-1].numbers["rung"])
    result = scheduler.rung_result(trial.number, rung)
    decision = _at_rung(result, state.plan.recipe, scheduler, "continue", remaining, "promoted by hand")
    return replace(decision, reason="by_hand")


def give_up(trial: TrialState, recipe: AnyRecipe, scheduler: Scheduler, why: str, remaining: int = 0) -> Decision:
    """The decision to end a paused trial that will not be promoted any more; it says how the trial compares by now.

    Args:
        trial: the paused trial.
        recipe: the sweep's.
        scheduler: the sweep's.
        why: the reason, in a few words.
        remaining: how many trials the search may still start.
    """
    paused = trial.decisions[-1]
    rung = int(paused.numbers["rung"])
    if paused.reason != "rung":
        why = f"demoted as {paused.reason}; {why}"
    return _at_rung(scheduler.rung_result(trial.number, rung), recipe, scheduler, "stop", remaining, why)


def _at_rung(
    result: RungResult, recipe: AnyRecipe, scheduler: Scheduler, action: Action, remaining: int, note: str = ""
) -> Decision:
    """The decision for `action` at a rung, with `note` at the end of its sentence.

    The numbers of a `RungResult` are oriented, those of a decision have the metric's own sign. Before the rung has
    opened there is no cutoff, and the decision has the number "awaits" instead.
    """
    rung = result.rung
    numbers: dict[str, float] = {"rung": rung, "rank": result.rank, "peers": result.peers}
    awaits = 0 if action == "continue" or result.value is None else scheduler.awaits(rung, remaining)
    cutoff = orient(result.cutoff, recipe.mode)
    numbers |= {"awaits": awaits} if awaits else {"cutoff": cutoff}
    added = f" ({note})" if note else ""
    if result.value is None:
        return Decision(action, "rung", f"no {recipe.metric} by the epoch-{rung} rung{added}", numbers)
    numbers["value"] = value = orient(result.value, recipe.mode)
    new = f" ({result.new} of them new configurations)" if result.new else ""
    detail = f"ranked {result.rank} of {result.peers}{new} at the epoch-{rung} rung: "
    detail += f"{scheduler.compares} {recipe.metric} {metric_text(value)}"
    if awaits:
        detail += f"; the rung waits for {awaits} more {'arrival' if awaits == 1 else 'arrivals'}"
    elif action != "continue" and result.value < result.cutoff:
        detail += f", {scheduler.cutoff} {metric_text(cutoff)}"
    elif action == "pause":
        detail += "; not below the cutoff, but others train first"
    return Decision(action, "rung", detail + added, numbers)


def repeated_failure(state: SweepState) -> str:
    """Why no other trial should be started, or "": the last few failed alike before any epoch was finished."""
    if any(trial.curve.epoch for trial in state.trials.values()):
        return ""
    decisions = [trial.decision for trial in state.trials.search if trial.decision]
    details = [decision.detail for decision in decisions if decision.reason == "failed"]
    last = details[-SAME_FAILURES:]
    if len(last) < SAME_FAILURES or len({_without_names(detail) for detail in last}) > 1:
        return ""
    return f"the first {len(details)} trials all failed alike, before their first epoch: {last[-1]}"


def _without_names(detail: str) -> str:
    """A failure without the numbers and paths in which two equal failures differ."""
    return re.sub(r"\S*/\S*|\d+", "#", detail)
