"""What follows from one more epoch of a trial: every rule in its turn, the first that stops it ends the matter."""

from __future__ import annotations

from collections.abc import Iterator

from search.decision import Decision
from search.journal import EpochDone
from search.rungs import Standing
from search.stability import verdict
from search.state import SweepState, TrialState
from trainables.recipe import Alarm


def decide(trial: TrialState, state: SweepState, done: EpochDone, over_budget: str) -> Iterator[Decision]:
    """The decisions after the trial's last epoch, `done`; the last one may be a stop.

    Args:
        trial: with `done` on its curve.
        state: its peers.
        done: the epoch that was reported.
        over_budget: why the sweep's budget has ended for this trial, or "".
    """
    plan = state.plan
    lost = verdict(trial.curve, plan.max_epochs, plan.spec.stability, _alarm(done))
    if lost:
        yield lost
    elif trial.curve.epoch >= plan.max_epochs:
        yield Decision("stop", "done", f"trained all {plan.max_epochs} epochs")
    elif over_budget:
        yield Decision("stop", "budget", over_budget)
    elif trial.started.kind == "search" and plan.spec.scheduler == "asha":
        yield from _compare(trial, state)


def _alarm(done: EpochDone) -> Alarm | None:
    return Alarm(done.alarm, done.alarm_detail) if done.alarm else None


def _compare(trial: TrialState, state: SweepState) -> Iterator[Decision]:
    """How the trial stands at a rung, if it has just reached one."""
    number = trial.started.trial
    rung = state.rungs.due(number, trial.curve.epoch)
    if rung is None:
        return
    level, sign = trial.curve.level, trial.curve.sign
    standing = state.rungs.standing(number, rung, None if level is None else sign * level)
    # The baseline is what the result is compared with: it always trains to its end.
    spared = trial.started.named == state.plan.recipe.baseline
    yield _at_rung(standing, state.plan.recipe.metric, sign, spared)


def _at_rung(standing: Standing, metric: str, sign: float, spared: bool) -> Decision:
    numbers = {"rung": standing.rung, "rank": standing.rank, "peers": standing.peers, "cutoff": standing.cutoff}
    if standing.value is None:
        return Decision("stop", "rung", f"no {metric} at all by the rung at epoch {standing.rung}", numbers)
    numbers["value"] = standing.value
    value, cutoff = sign * standing.value, sign * standing.cutoff
    place = f"{metric} {value:.4f} was {standing.rank} of {standing.peers} at the rung at epoch {standing.rung}"
    if standing.promoted:
        return Decision("continue", "rung", place, numbers)
    if spared:
        return Decision("continue", "rung", f"{place}; as the baseline it trains to its end", numbers)
    return Decision("stop", "rung", f"{place}; {cutoff:.4f} was needed", numbers)
