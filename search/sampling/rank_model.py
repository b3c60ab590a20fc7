"""Chooses a new configuration by a Gaussian process of the trials' ranks.

The first few configurations are drawn at random. From then on several random candidates are compared, and the one with
the highest expected improvement on the best trial is taken (Jones, Schonlau and Welch, 1998). The process models the
normal score of each trial's rank (`ranking.py`): ranks make trials of different rungs comparable, and no single value,
such as that of a training that diverged, can dominate. Running trials count with the value that is expected of them, so
that many workers do not all try the same (the "kriging believer" of Ginsbourger, Le Riche and Carraro, 2010).

In a sweep whose budget is hours it is the expected improvement for each second of an epoch (Snoek, Larochelle and
Adams, 2012): of two configurations that promise as much, the smaller model is tried first.

After many trials half of the candidates share about half of their values with one of the best trials, much as TuRBO
changes some coordinates of its best point (Eriksson et al., 2019). After few trials the best ones are best by luck. It
is otherwise if a named training, such as the baseline, is ahead of all that were drawn at random: then half of the
candidates are a few steps from the best trials. So a good baseline acts like a prior in PriorBand (Mallik et al.,
2023), and a bad one has no effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from scipy.stats import norm

from search.pruning.curve_model import Array, CurveModel, Points
from search.sampling.epoch_time import predicted_seconds
from search.sampling.ranking import Scored
from spaces.cube import Configurations

AT_RANDOM = 8
"""This many trials have to be ranked before the model chooses one."""

GROWTH = 1.1
"""The model's scales are fitted again whenever there are that many times more ranked trials."""

NEAR_FROM = 24
"""This many trials have to be ranked before half of the candidates are near the best ones: earlier, these are best by
luck."""

RIVALS = 5
"""A named training counts if it is ahead of this many trials drawn at random. One that is no better than these is ahead
of all of them once in six times."""

BEST_TRIALS = 3
"""Those candidates are near to this many of the best trials."""

MEMBERS = 200
"""At most this many trials enter the model, since its cost grows with their cube: half of them are the best, half the
newest."""


class RankModel:
    """See the module's docstring.

    Args:
        configurations: to choose from.
        named: the values of the named trainings, which users know to be good. A trial with these values is one of them.
        per_second: whether the expected improvement is divided by the seconds that an epoch is expected to take.

    Attributes:
        configurations: as given. A benchmark with a table of trainings may replace it before the first trial.
    """

    def __init__(
        self, configurations: Configurations, named: Sequence[Mapping[str, Any]] = (), per_second: bool = False
    ) -> None:
        self.configurations = configurations
        self._named = named
        self._per_second = per_second
        self._fitted_at = 0  # how many trials were ranked then
        self._members: Sequence[Scored] = ()
        self._model: CurveModel | None = None  # fitted to those members when it is first needed

    def look(self, count: int, trials: Callable[[], Sequence[Scored]]) -> None:
        """Called before each trial: if it is time to fit the model again, remember the trials so far.

        So a resumed sweep fits its model to the same trials.

        Args:
            count: how many trials have a score.
            trials: returns all trials, in the order in which they started. It is called only if it is time.
        """
        if count > RIVALS and count >= GROWTH * self._fitted_at:  # a named training and its rivals are enough
            ranked = [trial for trial in trials() if trial.score is not None]
            self._fitted_at, self._members, self._model = count, _members(ranked), None

    def choose(self, number: int, trials: Sequence[Scored]) -> dict[str, Any] | None:
        """The configuration for the trial that starts after `number` others; None if there is none to choose."""
        ranked = [trial for trial in trials if trial.score is not None]
        named_is_ahead = self._named_is_ahead(trials)
        near = _best(ranked) if named_is_ahead or len(ranked) >= NEAR_FROM else ()
        drawn = self.configurations.draw(number, near, named_is_ahead)
        if len(ranked) < AT_RANDOM and not named_is_ahead:
            return next(iter(drawn), None)  # `drawn` is lazy: the others are never drawn
        if not (candidates := list(drawn)):
            return None
        members, running = _members(ranked), [trial for trial in trials if trial.score is None]
        points, y = self._points(members), _scores(members)
        model = self._fitted()
        if running:
            x = self._points(running, start=len(members))
            expected, _ = model.predict(points, y, x)
            points, y = _joined(points, x), np.concatenate([y, expected])
        new = self._points([Scored(values, None) for values in candidates], start=len(y))
        mean, variance = model.predict(points, y, new)
        improvement = _expected_improvement(mean, np.sqrt(variance), float(_scores(members).max()))
        if self._per_second and (timed := [index for index, trial in enumerate(members) if trial.seconds]):
            improvement /= predicted_seconds(
                points.x[timed], np.array([members[index].seconds for index in timed]), new.x
            )
        # In a small space the best configuration would be chosen again and again. Repeating it is for confirmations.
        trained = {tuple(row) for row in points.x.tolist()}
        untrained = np.array([tuple(row) not in trained for row in new.x.tolist()])
        return candidates[int(np.argmax(np.where(untrained | ~untrained.any(), improvement, -np.inf)))]

    def _named_is_ahead(self, trials: Sequence[Scored]) -> bool:
        """Whether a named training is ahead of all of the first others, which were drawn at random."""
        named_scores = [trial.score for trial in trials if trial.values in self._named and trial.score is not None]
        rival_scores = list(islice((trial.score for trial in trials if trial.values not in self._named), RIVALS))
        ahead = (score is not None and score < max(named_scores, default=-math.inf) for score in rival_scores)
        return len(rival_scores) == RIVALS and all(ahead)

    def _fitted(self) -> CurveModel:
        if self._model is None:
            points = self._points(self._members)
            self._model = CurveModel(points.x.shape[1])
            self._model.fit(points, _scores(self._members))
        return self._model

    def _points(self, trials: Sequence[Scored], start: int = 0) -> Points:
        """The trials as points of the curve model: each is a curve of one point, at its end."""
        x = np.array([self.configurations.point(trial.values) for trial in trials])
        ones = np.ones(len(trials))
        return Points(x, ones, np.arange(start, start + len(trials)), ones)


def _best(ranked: Sequence[Scored]) -> Sequence[Mapping[str, Any]]:
    """The values of the best trials, the earliest of equals first."""
    return [trial.values for trial in sorted(ranked, key=lambda trial: -_score(trial))[:BEST_TRIALS]]


def _members(ranked: Sequence[Scored]) -> Sequence[Scored]:
    if len(ranked) <= MEMBERS:
        return ranked
    by_score = sorted(range(len(ranked)), key=lambda index: (-_score(ranked[index]), index))
    best = set(by_score[: MEMBERS // 2])
    newest = [index for index in range(len(ranked)) if index not in best][-(MEMBERS - len(best)) :]
    return [ranked[index] for index in sorted(best.union(newest))]


def _score(trial: Scored) -> float:
    assert trial.score is not None
    return trial.score


def _scores(trials: Sequence[Scored]) -> Array:
    return np.array([_score(trial) for trial in trials])


def _joined(first: Points, second: Points) -> Points:
    return Points(
        np.concatenate([first.x, second.x]),
        np.concatenate([first.s, second.s]),
        np.concatenate([first.trial, second.trial]),
        np.concatenate([first.count, second.count]),
    )


def _expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    z = (mean - best) / deviation
    improvement: Array = deviation * (z * norm.cdf(z) + norm.pdf(z))
    return improvement
