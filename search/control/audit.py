"""How often was a stop wrong? A share of the stopped trials is trained to its end after all, once the search is over.

They are drawn by lot, so the share of wrong ones among them holds for all stops. An audited trial is trained from its
beginning with its own seed, so up to the epoch of its stop it is the same training, and nothing has to be kept for it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from search.pruning.decision import Reason
from search.state.sweep_state import SweepState

HARM = 0.05
"""A stop was wrong if the trial would have improved its own best by more than this share: the measure of harm that the
rules were chosen by (`stability.py`)."""

_STOPS: frozenset[Reason] = frozenset({"rung", "nonfinite", "diverging", "collapsed", "oscillating", "stale"})


@dataclass(frozen=True)
class Audit:
    """What the audited trials showed.

    Attributes:
        audited: how many were trained to their end.
        wrong: of those, how many improved their own best by more than `HARM`.
        beaten: of those, how many ended above the best finished trial of the search.
        low, high: 95 % interval of the share of wrong stops (Wilson's score interval).
    """

    audited: int
    wrong: int
    beaten: int
    low: float
    high: float


def due(state: SweepState) -> int | None:
    """The stopped trial to audit next; None if there is none, or the search still goes on."""
    if state.trials.paused or any(trial.started.kind == "search" for trial in state.trials.running.values()):
        return None
    stopped = [one.started.trial for one in state.trials.search if one.decision and one.decision.reason in _STOPS]
    wanted = int(len(stopped) * state.plan.spec.audit)
    lots = sorted(stopped, key=lambda trial: _lot(state.plan.spec.seed, trial))
    return next((trial for trial in lots[:wanted] if trial not in state.trials.audits), None)


@cache  # seeding takes longer than all the rest, and this is asked again and again
def _lot(seed: int, trial: int) -> float:
    return random.Random(f"{seed}/audit/{trial}").random()


def audit(state: SweepState) -> Audit:
    """What has been found out so far."""
    done = [(state.trials[of], again) for of, again in state.trials.audits.items() if again.finished]
    pairs = [
        (again.curve.oriented(stopped.curve.best_value), again.curve.oriented(again.curve.best_value))
        for stopped, again in done
    ]
    wrong = sum(_improved(before, after) for before, after in pairs)
    finished = state.trials.ranking
    winner = finished[0].curve.oriented(finished[0].curve.best_value) if finished else None
    beaten = sum(after is not None and (winner is None or after > winner) for _, after in pairs)
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
