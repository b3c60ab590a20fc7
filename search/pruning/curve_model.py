"""Learning curves as straight lines in the logarithm of the epoch, alike for configurations that are alike.

At s = ln(epoch) / ln(epochs of a whole training) the curve of trial i, of configuration x, is

    a(x) + b(x) s  +  c_i + d_i s  +  noise

where a and b are Gaussian processes over the configurations, and the second line is the trial's own. After Swersky,
Snoek and Adams, "Freeze-Thaw Bayesian Optimization" (arXiv:1406.3896), whose curves are exponential decays; over the
epochs that searches look at, lines do as well on public curves (`Curve.outlook`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

SIZES = np.log([0.5, 1.0, 0.1, 0.1, 0.05])
"""Where the variances of a, b, c, d and the noise are expected, for values of variance one; within a factor of e**2."""

STEPS = 30
"""Of the search for the most probable scales."""

FAR = 4.0
"""Standard deviations from where they are expected at which scales end: further on nothing can be computed."""

_JITTER = 1e-6
_ROOT5 = math.sqrt(5.0)


@dataclass(frozen=True)
class Points:
    """Where the curves are known, or asked for; one row each.

    Attributes:
        x: [points, parameters], the configuration, each parameter from 0 to 1.
        s: [points], 0 at the first epoch and 1 at the last.
        trial: [points], whose own line it is on.
        count: [points], epochs whose mean it is.
    """

    x: Array
    s: Array
    trial: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    count: Array


@cache
def _blas() -> ThreadpoolController:
    """Holds it to one thread: others wait for cores that the trials have, which takes ten times as long."""
    return ThreadpoolController()


class CurveModel:
    """The process, at scales that are given or found.

    Args:
        parameters: of a configuration.

    Attributes:
        scales: logarithms, of a length a parameter and of the variances of a, b, c, d and the noise. Lengths are
            expected where Hvarfner et al., "Vanilla Bayesian Optimization Performs Great in High Dimensions" (ICML
            2024), have them: longer the more parameters there are.
    """

    def __init__(self, parameters: int) -> None:
        self._count = parameters
        length = math.sqrt(2) + 0.5 * math.log(max(1, parameters))
        self._expected = np.concatenate([np.full(parameters, length), SIZES])
        self._width = np.concatenate([np.full(parameters, math.sqrt(3)), np.full(len(SIZES), 2.0)])
        self.scales: Array = np.concatenate([np.full(parameters, length - 1), SIZES])

    def fit(self, points: Points, y: Array) -> None:
        """Find the most probable scales for the values `y`, from where they are."""
        bounds = list(zip(self._expected - FAR * self._width, self._expected + FAR * self._width, strict=True))
        options = {"maxiter": STEPS}
        with _blas().limit(limits=1):
            found = minimize(self._loss, self.scales, (points, y), "L-BFGS-B", True, bounds=bounds, options=options)
        self.scales = found.x

    def predict(self, points: Points, y: Array, wanted: Points) -> tuple[Array, Array]:
        """Mean and variance at `wanted`, noise left out, where `points` have the values `y`."""
        with _blas().limit(limits=1):
            factor = cholesky(self._noisy(points), lower=True)
            cross = self._covariance(wanted, points)
            known: Array = (solve_triangular(factor, cross.T, lower=True) ** 2).sum(0)
            mean: Array = cross @ cho_solve((factor, True), y)
        a, b, c, d, _ = np.exp(self.scales[self._count :])
        own = a + c + 1 + (b + d + 1) * wanted.s**2
        return mean, np.maximum(own - known, 1e-9)

    def _apart(self, one: Points, other: Points) -> Array:
        """Distance of the configurations in lengths, times the root of five."""
        lengths = np.exp(self.scales[: self._count])
        rows, columns = one.x / lengths, other.x / lengths
        squared = (rows**2).sum(1)[:, None] + (columns**2).sum(1)[None] - 2 * rows @ columns.T
        apart: Array = _ROOT5 * np.sqrt(np.maximum(squared, 0.0))
        return apart

    def _covariance(self, one: Points, other: Points) -> Array:
        a, b, c, d, _ = np.exp(self.scales[self._count :])
        apart, product = self._apart(one, other), one.s[:, None] * other.s[None]
        alike = (1 + apart + apart**2 / 3) * np.exp(-apart)  # Matern, 5/2
        same = one.trial[:, None] == other.trial[None]
        found: Array = (a + b * product) * alike + (c + d * product) * same + 1 + product  # a broad line for the mean
        return found

    def _noisy(self, points: Points) -> Array:
        return self._covariance(points, points) + np.diag(np.exp(self.scales[-1]) / points.count + _JITTER)

    def _loss(self, scales: Array, points: Points, y: Array) -> tuple[float, Array]:
        """Minus the logarithm of the scales' posterior, and its gradient."""
        tried = CurveModel(self._count)
        tried.scales = scales
        try:
            factor = cholesky(tried._noisy(points), lower=True)
        except LinAlgError:
            return math.inf, np.zeros_like(scales)
        weights = cho_solve((factor, True), y)
        off = (scales - self._expected) / self._width
        loss = 0.5 * y @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        slope = cho_solve((factor, True), np.eye(len(y))) - np.outer(weights, weights)
        return float(loss), 0.5 * tried._traces(points, slope) + off / self._width

    def _traces(self, points: Points, slope: Array) -> Array:
        """The trace of `slope` times the covariance's derivative, by each scale."""
        a, b, c, d, noise = np.exp(self.scales[self._count :])
        apart, product = self._apart(points, points), points.s[:, None] * points.s[None]
        decay = np.exp(-apart)
        alike = slope * (1 + apart + apart**2 / 3) * decay
        same = slope * (points.trial[:, None] == points.trial[None])
        sizes = [a * alike.sum(), b * (alike * product).sum(), c * same.sum(), d * (same * product).sum()]
        steep = slope * (a + b * product) * (5 / 3) * (1 + apart) * decay
        squares = 2 * (steep.sum(1) @ points.x**2 - np.einsum("ip,ij,jp->p", points.x, steep, points.x, optimize=True))
        lengths = squares / np.exp(2 * self.scales[: self._count])
        return np.array([*lengths, *sizes, noise * (np.diag(slope) / points.count).sum()])
