"""Audits: after the search a share of the stopped trials is trained to its end, to see how often a stop was wrong.

The audited trials are drawn at random, so the share of wrong stops among them is an estimate for all stops. Each is
trained from scratch with its own seed: up to the epoch of its stop it is the same training, and needs no checkpoint.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

from search.pruning.decision import FAILURES, STOPPED_EARLY, Reason
from search.pruning.rungs import ROUNDING
from search.state.sweep_state import SweepState

HARM = 0.05
"""A stop was wrong if the trial would have improved its own best by more than this share: the measure of harm by which
the stop rules were chosen (`search/pruning/stability.py`)."""

_AUDITED: frozenset[Reason] = (FAILURES | STOPPED_EARLY) - {"failed", "over_limit", "budget", "by_hand"}
"""The reasons that rules give, which may be wrong. A crash, a measured cost, the budget and a user's request are no
judgements."""


@dataclass(frozen=True)
class Audit:
    """The result of the audited trials.

    Attributes:
        audited: how many were trained to their end.
        wrong: of those, how many improved their own best by more than `HARM`.
        beaten: of those, how many ended with a better objective than the best trial of the search.
        low, high: 95 % interval of the share of wrong stops (Wilson's score interval).
    """

    audited: int
    wrong: int
    beaten: int
    low: float
    high: float


def due(state: SweepState) -> int | None:
    """The stopped trial to audit next; None if there is none, or the search has not finished."""
    if state.trials.paused or any(trial.is_search for trial in state.trials.running.values()):
        return None
    stopped = [trial.number for trial in state.trials.search if trial.decision and trial.decision.reason in _AUDITED]
    count = math.floor(len(stopped) * state.plan.spec.audit + ROUNDING)
    drawn = sorted(stopped, key=lambda number: _lot(state.plan.spec.seed, number))[:count]
    return next((number for number in drawn if number not in state.trials.audits), None)


@cache  # seeding takes longer than all the rest, and the same numbers are needed again and again
def _lot(seed: int, trial: int) -> float:
    return random.Random(f"{seed}/audit/{trial}").random()


def audit(state: SweepState) -> Audit:
    """The result of the audits so far."""
    done = [(state.trials[of], repeat) for of, repeat in state.trials.audits.items() if repeat.finished]
    pairs = [
        (repeat.curve.oriented(stopped.curve.best_value), repeat.curve.oriented(repeat.curve.best_value))
        for stopped, repeat in done
    ]
    wrong = sum(_improved(before, after) for before, after in pairs)
    ranked = state.trials.ranking
    winner = ranked[0].curve.oriented(ranked[0].curve.objective_value) if ranked else None
    reached = [repeat.curve.oriented(repeat.curve.objective_value) for _, repeat in done]
    beaten = sum(value is not None and (winner is None or value > winner) for value in reached)
    return Audit(len(pairs), wrong, beaten, *wilson(wrong, len(pairs)))


def _improved(before: float | None, after: float | None) -> bool:
    if after is None:
        return False
    return before is None or after - before > HARM * abs(before)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson 1927); (0, 1) without any trials."""
    if not trials:
        return 0.0, 1.0
    from scipy.stats import binomtest  # its import takes a second, and only sweeps with audits need it

    interval = binomtest(hits, trials).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)
