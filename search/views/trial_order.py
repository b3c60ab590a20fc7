"""The order of a search's trials, for figures, tables and importances; and an even selection of very many."""

from __future__ import annotations

from collections.abc import Sequence

from search.state.trial_state import TrialState


def ranking_key(trial: TrialState) -> tuple[bool, int, float]:
    """A sort key, higher is better: failed trials come last, then more epochs count, then the objective.

    Epochs come before the value since a trial with more of them was promoted over the others.
    """
    value = trial.curve.objective_value
    return (not trial.failed, trial.curve.epoch, float("-inf") if value is None else trial.curve.oriented(value))


def thinned(trials: Sequence[TrialState], most: int) -> list[TrialState]:
    """At most `most` of `trials`: the named ones and the best fill half, the rest is spread evenly over the others."""
    if len(trials) <= most:
        return list(trials)
    ranked = sorted(trials, key=lambda trial: (bool(trial.started.named), ranking_key(trial)), reverse=True)
    others = ranked[most // 2 :]
    step = len(others) / (most - most // 2)
    return ranked[: most // 2] + [others[int(index * step)] for index in range(most - most // 2)]
