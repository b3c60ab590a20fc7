"""What follows from one more epoch of a trial: every rule in its turn, the first that stops it ends the matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from search.journal.events import EpochDone
from search.pruning.decision import Action, Decision
from search.pruning.rungs import RungResult
from search.pruning.stop_rules import alone, verdict
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from trainables.recipe import Alarm


def decide(trial: TrialState, state: SweepState, done: EpochDone, over_budget: str, left: int) -> Iterator[Decision]:
    """The decisions after the trial's last epoch, `done`; the last one may be a stop.

    Args:
        trial: with `done` on its curve.
        state: its peers.
        done: the epoch that was reported.
        over_budget: why the sweep's budget has ended for this trial, or "".
        left: how many trials the search may still start.
    """
    plan = state.plan
    if trial.started.kind == "audit":
        yield from _to_its_end(trial, over_budget)
        return
    others = partial(state.median_best, trial.started.trial) if trial.started.kind == "search" else alone
    lost = verdict(trial.curve, plan.max_epochs, plan.spec.stability, _alarm(done), others)
    if lost:
        yield lost
    elif ended := list(_to_its_end(trial, over_budget)):
        yield from ended
    elif trial.started.kind == "search" and plan.spec.scheduler != "none":
        yield from _compare(trial, state, left)


def _to_its_end(trial: TrialState, over_budget: str) -> Iterator[Decision]:
    if trial.curve.epoch >= trial.started.settings["epochs"]:
        yield Decision("stop", "done", f"trained all {trial.curve.epoch} epochs")
    elif over_budget:
        yield Decision("stop", "budget", over_budget)


def _alarm(done: EpochDone) -> Alarm | None:
    return Alarm(done.alarm, done.alarm_detail) if done.alarm else None


def _compare(trial: TrialState, state: SweepState, left: int) -> Iterator[Decision]:
    """How the trial stands at a rung, if it has just reached one."""
    number = trial.started.trial
    rung = state.scheduler.due(number)
    if rung is None:
        return
    standing = state.scheduler.rung_result(number, rung)
    action = state.scheduler.action(number, rung, left)
    # The baseline is what the result is compared with: it always trains to its end.
    if action != "continue" and trial.started.named == state.plan.recipe.baseline and standing.value is not None:
        yield _at_rung(standing, state, "continue", "; as the baseline it trains to its end")
    else:
        yield _at_rung(standing, state, action)


def promote(state: SweepState, left: int) -> tuple[TrialState, Decision] | None:
    """The waiting trial that may go on now and the decision that says so; `left`: trials that may still start."""
    found = state.scheduler.promotable(left)
    if found is None:
        return None
    return state.trials[found[0]], _at_rung(state.scheduler.rung_result(*found), state, "continue", " by now")


def give_up(trial: TrialState, state: SweepState, why: str) -> Decision:
    """The end of a trial that waits, with how it stands by now: what it waited for will not come, because of `why`."""
    rung = int(trial.decisions[-1].numbers["rung"])
    return _at_rung(state.scheduler.rung_result(trial.started.trial, rung), state, "stop", more=f"; {why}")


def _at_rung(standing: RungResult, state: SweepState, action: Action, more: str = "") -> Decision:
    """`action` at a rung. Its numbers have the metric's own sign; in a `RungResult` higher is always better."""
    recipe, words = state.plan.recipe, state.scheduler
    sign = 1.0 if recipe.mode == "max" else -1.0
    numbers = {"rung": standing.rung, "rank": standing.rank, "peers": standing.peers, "cutoff": sign * standing.cutoff}
    if standing.value is None:
        return Decision("stop", "rung", f"no {recipe.metric} at all by the rung at epoch {standing.rung}", numbers)
    numbers["value"] = sign * standing.value
    place = f"{recipe.metric} {words.compares} {sign * standing.value:.4f} was {standing.rank} of {standing.peers}"
    place += f", {standing.new} of them new configurations," if standing.new else ""
    needed = "" if action == "continue" or standing.promoted else f"; {words.cutoff} {sign * standing.cutoff:.4f}"
    return Decision(action, "rung", f"{place} at the rung at epoch {standing.rung}{needed}{more}", numbers)


ALIKE = 3
"""Trials that fail alike before any trial has finished an epoch, after which no other is tried."""


def repeated_failure(state: SweepState) -> str:
    """Why no other trial need be tried: the last few failed alike, and none ever finished an epoch. Else ""."""
    if any(trial.curve.epoch for trial in state.trials.values()):
        return ""
    details = [trial.decision.detail for trial in state.search if trial.decision and trial.decision.reason == "failed"]
    last = details[-ALIKE:]
    if len(last) < ALIKE or len({_apart_from_names(detail) for detail in last}) > 1:
        return ""
    return f"the first {len(details)} trials all failed alike, before their first epoch: {last[-1]}"


def _apart_from_names(detail: str) -> str:
    """Without the numbers and paths in which two equal failures differ."""
    return re.sub(r"\S*/\S*|\d+", "#", detail)
