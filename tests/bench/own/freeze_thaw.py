"""A whole system that looks at configurations as well as curves: what a model of both is worth against rungs.

After Swersky, Snoek and Adams, "Freeze-Thaw Bayesian Optimization" (arXiv:1406.3896), with the straight lines of
`Curve.outlook`: at s = ln(epoch) / ln(epochs of a whole training) the curve of trial i, of configuration x, is

    a(x) + b(x) s   +   c_i + d_i s   +   noise

where a and b are Gaussian processes over the configurations, and the second line is the trial's own. Whenever a worker
is free, whoever may reach the highest value at s = 1 (mean plus one standard deviation), waiting or new, trains to its
next rung. No trial is compared at a rung, and none is stopped.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from groups import Group
from recorded import Table

from search.pruning.curve import Point
from spaces.space import Range

GRACE_EPOCHS, FACTOR = 3, 1.5
"""The first stretch of a trial, and how much later each next one ends."""

RANDOM = 16
"""Configurations that are drawn at random first."""

CANDIDATES = 60
"""New configurations that are looked at for each choice."""

GROWTH = 1.3
"""The model's scales are fitted again once there are so many times more points."""

_SIZES = torch.log(torch.tensor([0.5, 1.0, 0.1, 0.1, 0.05], dtype=torch.float64))
"""Where the variances of a, b, c, d and the noise are expected, for values of variance one; within a factor of e**2."""


class LinesInLogTime:
    """The process, with a length scale a parameter, at its most probable scales.

    Length scales are expected where Hvarfner et al., "Vanilla Bayesian Optimization Performs Great in High Dimensions"
    (ICML 2024) have them, which is longer the more parameters there are.
    """

    def __init__(self, parameters: int) -> None:
        self._count = parameters
        self._length = math.sqrt(2) + 0.5 * math.log(parameters)
        self._scales = torch.cat([torch.full((parameters,), self._length - 1, dtype=torch.float64), _SIZES])

    def _covariance(self, scales: torch.Tensor, one: Points, other: Points) -> torch.Tensor:
        lengths, (a, b, c, d, _) = torch.exp(scales[: self._count]), torch.exp(scales[self._count :])
        rows, columns = one.x / lengths, other.x / lengths
        squared = (rows**2).sum(1)[:, None] + (columns**2).sum(1)[None] - 2 * rows @ columns.T
        apart = torch.sqrt(5 * squared.clamp_min(0) + 1e-10)
        alike = (1 + apart + apart**2 / 3) * torch.exp(-apart)  # Matern, 5/2
        product = one.s[:, None] * other.s[None]
        same = (one.trial[:, None] == other.trial[None]).to(product)
        return (a + b * product) * alike + (c + d * product) * same + 1 + product  # a broad line for the mean

    def _noisy(self, scales: torch.Tensor, points: Points) -> torch.Tensor:
        return self._covariance(scales, points, points) + torch.diag(torch.exp(scales[-1]) / points.count + 1e-6)

    def _loss(self, scales: torch.Tensor, points: Points, y: torch.Tensor) -> torch.Tensor:
        factor = torch.linalg.cholesky(self._noisy(scales, points))
        white = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
        lengths, sizes = scales[: self._count] - self._length, scales[self._count :] - _SIZES
        expected = (lengths**2).sum() / (2 * 3) + (sizes**2).sum() / (2 * 4)
        return 0.5 * (white**2).sum() + torch.log(torch.diagonal(factor)).sum() + expected

    def fit(self, points: Points, y: torch.Tensor) -> None:
        """Find the scales again, from where they are; they stay there if a step leads to where nothing is defined."""
        scales = self._scales.clone().requires_grad_(True)
        steps = torch.optim.LBFGS([scales], max_iter=30, line_search_fn="strong_wolfe", tolerance_change=1e-4)

        def loss() -> torch.Tensor:
            steps.zero_grad()
            found = self._loss(scales, points, y)
            found.backward()
            return found

        with suppress(torch.linalg.LinAlgError):
            steps.step(loss)
            if torch.isfinite(scales).all():
                self._scales = scales.detach()

    def predict(self, points: Points, y: torch.Tensor, wanted: Points) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance at `wanted`."""
        factor = torch.linalg.cholesky(self._noisy(self._scales, points))
        cross = self._covariance(self._scales, wanted, points)
        mean = cross @ torch.cholesky_solve(y[:, None], factor)
        known = torch.linalg.solve_triangular(factor, cross.T, upper=False)
        own = torch.diagonal(self._covariance(self._scales, wanted, wanted))
        return mean[:, 0], (own - (known**2).sum(0)).clamp_min(1e-9)


class Points:
    """Where the process is known, or asked for.

    Attributes:
        x: [points, parameters], each parameter between 0 and 1.
        s: [points], 0 at the first epoch and 1 at the last.
        trial: [points], whose own line it is on.
        count: [points], epochs whose mean it is.
    """

    def __init__(self, x: list[torch.Tensor], s: list[float], trial: list[int], count: list[int]) -> None:
        self.x, self.s = torch.stack(x), torch.tensor(s, dtype=torch.float64)
        self.trial, self.count = torch.tensor(trial), torch.tensor(count, dtype=torch.float64)


class FreezeThaw:
    """See the module's docstring; driven like the other systems."""

    def __init__(self, table: Table, group: Group, seed: int, workers: int) -> None:
        self._x = [_row(one.drawn, table.plan().ranges) for one in table.configurations]
        self._model = LinesInLogTime(len(self._x[0]))
        self._draw = np.random.default_rng([seed, 3])
        self._epochs = table.max_epochs
        self._left = list(range(len(self._x)))
        self._place: list[int] = []
        self._values: list[list[float]] = []
        self._waiting: set[int] = set()
        self._fitted = 0
        rungs = [round(GRACE_EPOCHS * FACTOR**step) for step in range(20)]
        self._rungs = {epoch for epoch in rungs if epoch < self._epochs}

    def next(self) -> tuple[int, int, int] | None:
        """See `System`."""
        if len(self._place) < RANDOM and self._left:
            return self._begin(int(self._draw.choice(self._left)))
        waiting = sorted(self._waiting)
        new = self._draw.choice(self._left, min(CANDIDATES, len(self._left)), replace=False).tolist()
        if not waiting and not new:
            return None
        best = int(np.argmax(self._promise(waiting, new)))
        if best >= len(waiting):
            return self._begin(new[best - len(waiting)])
        self._waiting.discard(waiting[best])
        return waiting[best], self._place[waiting[best]], len(self._values[waiting[best]])

    def _begin(self, place: int) -> tuple[int, int, int]:
        self._left.remove(place)
        self._place.append(place)
        self._values.append([])
        return len(self._place) - 1, place, 0

    def _promise(self, waiting: list[int], new: list[int]) -> np.ndarray:
        """What each may reach at its end."""
        points, y = self._known()
        if len(y) >= GROWTH * self._fitted:
            self._model.fit(points, y)
            self._fitted = len(y)
        x = [self._x[self._place[trial]] for trial in waiting] + [self._x[place] for place in new]
        trials = waiting + [len(self._place) + place for place in new]
        mean, variance = self._model.predict(points, y, Points(x, [1.0] * len(x), trials, [1] * len(x)))
        return np.asarray(mean + variance.sqrt())

    def _known(self) -> tuple[Points, torch.Tensor]:
        """Two points a curve: its first and its second half."""
        rows = [
            (self._x[self._place[trial]], float(np.mean(np.log(np.arange(first, last) + 1))), trial, values[first:last])
            for trial, values in enumerate(self._values)
            for first, last in ((0, len(values) // 2), (len(values) // 2, len(values)))
            if last > first
        ]
        y = np.array([np.mean(values) for *_, values in rows])
        x, s, trials, each = zip(*rows, strict=True)
        points = Points(list(x), [one / math.log(self._epochs) for one in s], list(trials), [len(one) for one in each])
        return points, torch.tensor((y - y.mean()) / (y.std() + 1e-9))

    def report(self, trial: int, point: Point, last: bool) -> bool:
        """See `System`."""
        known = point.value is not None and math.isfinite(point.value)
        self._values[trial].append(float(point.value or 0.0) if known else 0.0)
        if not last and point.epoch in self._rungs:
            self._waiting.add(trial)
            return False
        return not last


def _row(drawn: dict[str, Any], ranges: dict[str, Range]) -> torch.Tensor:
    """The configuration between 0 and 1; what it did not draw is in the middle."""
    found: list[float] = []
    for name, one in sorted(ranges.items()):
        if one.kind == "choice":
            shown = one.choices if len(one.choices) > 2 else one.choices[:1]
            found += [float(drawn.get(name) == choice) for choice in shown]
        elif name in drawn:
            scale = math.log if one.log else float
            found.append((scale(drawn[name]) - scale(one.low)) / (scale(one.high) - scale(one.low)))
        else:
            found.append(0.5)
    return torch.tensor(found, dtype=torch.float64)
