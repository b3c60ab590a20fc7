"""A model of learning curves: straight lines in the logarithm of the epoch, similar for similar configurations.

At s = ln(epoch) / ln(epochs of a whole training) the curve of trial i with configuration x is

    a(x) + b(x) s  +  c_i + d_i s  +  noise

where a and b are Gaussian processes over configurations (Matern 5/2), and c_i and d_i are the trial's own. After
Swersky, Snoek and Adams, "Freeze-Thaw Bayesian Optimization" (arXiv:1406.3896), whose curves are exponential decays;
over the epochs that searches compare, lines do as well on public curves (`Curve.projected_value`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

SIZES = np.log([0.5, 1.0, 0.1, 0.1, 0.05])
"""Expected logarithms of the variances of a, b, c, d and the noise, for values of variance 1."""

LENGTH_WIDTH = math.sqrt(3)
"""Standard deviation of the logarithm of a length."""

MAX_STEPS = 30
"""Steps of the search for the most probable scales."""

BOUND = 4.0
"""Bounds of the scales, in standard deviations from what is expected: beyond, the covariance is singular."""

_JITTER = 1e-6
_ROOT5 = math.sqrt(5.0)


@dataclass(frozen=True)
class Points:
    """Where curves are measured, or predicted; one row each.

    Attributes:
        x: [points, parameters], the configuration, each parameter from 0 to 1.
        s: [points], 0 at the first epoch and 1 at the last.
        trial: [points], the number of the trial; a number that no measured trial has stands for a new curve.
        count: [points], how many epochs were averaged.
    """

    x: Array
    s: Array
    trial: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    count: Array


class Scales(NamedTuple):
    """The parameters of the model.

    Attributes:
        lengths: over which distance configurations are similar, one for each parameter of a configuration.
        a, b, c, d, noise: variances, see the module's docstring.
    """

    lengths: Array
    a: float
    b: float
    c: float
    d: float
    noise: float

    @classmethod
    def of(cls, logarithms: Array) -> Scales:
        """The scales from their logarithms, in the order of the attributes."""
        return cls(np.exp(logarithms[: -len(SIZES)]), *np.exp(logarithms[-len(SIZES) :]))


@cache
def _blas() -> ThreadpoolController:
    """Limits BLAS to one thread: more would wait for cores that the trials use, and take ten times as long."""
    return ThreadpoolController()


class CurveModel:
    """The Gaussian process, with scales that can be fitted.

    Lengths have the prior of Hvarfner et al., "Vanilla Bayesian Optimization Performs Great in High Dimensions" (ICML
    2024): longer the more parameters there are. As there, the most probable length is that of its density, .2 times
    the root of the number of parameters; that of its logarithm's density would be 20 times as long, and all models
    nearly planes, whose best is always at an edge of the space.

    Args:
        parameters: how many a configuration has.

    Attributes:
        log_scales: the logarithms of `Scales`.
    """

    def __init__(self, parameters: int) -> None:
        length = math.sqrt(2) + 0.5 * math.log(max(1, parameters)) - LENGTH_WIDTH**2
        self._expected = np.concatenate([np.full(parameters, length), SIZES])
        self._width = np.concatenate([np.full(parameters, LENGTH_WIDTH), np.full(len(SIZES), 2.0)])
        self.log_scales: Array = self._expected

    def fit(self, points: Points, y: Array) -> None:
        """Set the most probable scales for the values `y`, searched for from the present ones."""
        bounds = list(zip(self._expected - BOUND * self._width, self._expected + BOUND * self._width, strict=True))
        options = {"maxiter": MAX_STEPS}
        with _blas().limit(limits=1):
            fitted = minimize(
                self._loss, self.log_scales, (points, y), "L-BFGS-B", True, bounds=bounds, options=options
            )
        self.log_scales = fitted.x

    def predict(self, points: Points, y: Array, at: Points) -> tuple[Array, Array]:
        """Mean and variance of the curves `at` other points, without noise, given the values `y` at `points`."""
        scales = Scales.of(self.log_scales)
        with _blas().limit(limits=1):
            factor = cholesky(_with_noise(scales, points), lower=True)
            cross = _covariance(scales, at, points)
            explained: Array = (solve_triangular(factor, cross.T, lower=True) ** 2).sum(0)
            mean: Array = cross @ cho_solve((factor, True), y)
        prior = scales.a + scales.c + 1 + (scales.b + scales.d + 1) * at.s**2  # as in `_covariance`, at equal points
        return mean, np.maximum(prior - explained, 1e-9)

    def _loss(self, log_scales: Array, points: Points, y: Array) -> tuple[float, Array]:
        """Minus the logarithm of the posterior of `log_scales`, up to a constant, and its gradient.

        With K = `_with_noise` and w = K^-1 y, and a normal prior of the logarithms z:

            loss        =  y' w / 2  +  ln det K / 2  +  |z|^2 / 2
            d loss      =  trace((K^-1 - w w') dK) / 2  +  z dz

        since dw = -K^-1 dK w and d ln det K = trace(K^-1 dK).
        """
        scales = Scales.of(log_scales)
        try:
            factor = cholesky(_with_noise(scales, points), lower=True)
        except LinAlgError:
            return math.inf, np.zeros_like(log_scales)
        weights = cho_solve((factor, True), y)
        off = (log_scales - self._expected) / self._width
        loss = 0.5 * y @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        slope = cho_solve((factor, True), np.eye(len(y))) - np.outer(weights, weights)
        return float(loss), 0.5 * _traces(log_scales, points, slope) + off / self._width


def _distance(scales: Scales, rows: Points, columns: Points) -> Array:
    """Distances of the configurations in lengths, times the root of five."""
    scaled_rows, scaled_columns = rows.x / scales.lengths, columns.x / scales.lengths
    squared = (scaled_rows**2).sum(1)[:, None] + (scaled_columns**2).sum(1)[None] - 2 * scaled_rows @ scaled_columns.T
    distance: Array = _ROOT5 * np.sqrt(np.maximum(squared, 0.0))
    return distance


def _covariance(scales: Scales, rows: Points, columns: Points) -> Array:
    distance, product = _distance(scales, rows, columns), rows.s[:, None] * columns.s[None]
    matern = (1 + distance + distance**2 / 3) * np.exp(-distance)
    same = rows.trial[:, None] == columns.trial[None]
    # 1 + product: a broad prior of the mean line, with variance 1 for its height and for its slope.
    covariance: Array = (scales.a + scales.b * product) * matern + (scales.c + scales.d * product) * same + 1 + product
    return covariance


def _with_noise(scales: Scales, points: Points) -> Array:
    """The covariance of measured values: the mean of `count` epochs has that much less noise."""
    return _covariance(scales, points, points) + np.diag(scales.noise / points.count + _JITTER)


def _traces(log_scales: Array, points: Points, slope: Array) -> Array:
    """trace(`slope` dK / dz) for each z of `log_scales`.

    A variance v: dK / d ln v is v times its term of K. A length l of parameter p, at the distance t of `_distance`:

        d matern / dt  =  -t (1 + t) exp(-t) / 3,      dt / d ln l  =  -5 (x_p - x'_p)^2 / (l^2 t),

    so dK / d ln l = (a + b s s') (5 / 3) (1 + t) exp(-t) (x_p - x'_p)^2 / l^2, in which (x_p - x'_p)^2 is expanded.
    """
    scales = Scales.of(log_scales)
    distance, product = _distance(scales, points, points), points.s[:, None] * points.s[None]
    decay = np.exp(-distance)
    matern = slope * (1 + distance + distance**2 / 3) * decay
    same = slope * (points.trial[:, None] == points.trial[None])
    variances = [
        scales.a * matern.sum(),
        scales.b * (matern * product).sum(),
        scales.c * same.sum(),
        scales.d * (same * product).sum(),
        scales.noise * (np.diag(slope) / points.count).sum(),
    ]
    steep = slope * (scales.a + scales.b * product) * (5 / 3) * (1 + distance) * decay
    squares = 2 * (steep.sum(1) @ points.x**2 - np.einsum("ip,ij,jp->p", points.x, steep, points.x, optimize=True))
    return np.array([*squares / np.exp(2 * log_scales[: -len(SIZES)]), *variances])
