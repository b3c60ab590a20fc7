from __future__ import annotations

import numpy as np
import pytest

from search.pruning.curve_model import BOUND, Array, CurveModel, Points


def random_points(trials: int, parameters: int, seed: int = 0) -> Points:
    """Two points of each of so many trials."""
    draw = np.random.default_rng(seed)
    x = draw.random((trials, parameters)).repeat(2, axis=0)
    return Points(x, np.tile([0.2, 0.7], trials), np.arange(trials).repeat(2), np.tile([2.0, 5.0], trials))


def risen(points: Points) -> Array:
    """Values of curves that rise, the higher the first parameter the more."""
    return points.x[:, 0] * points.s - 0.3


def at(points: Points, s: float) -> Points:
    """The same trials, each once, at `s`."""
    each_trial = slice(None, None, 2)
    count = len(points.x[each_trial])
    return Points(points.x[each_trial], np.full(count, s), points.trial[each_trial], np.ones(count))


@pytest.mark.parametrize("parameters", [0, 1, 5])
def test_the_gradient_is_that_of_the_loss(parameters: int) -> None:
    points, lines = random_points(12, parameters), CurveModel(parameters)
    y = np.random.default_rng(1).normal(size=24)
    scales = lines.log_scales + np.linspace(-0.5, 0.5, len(lines.log_scales))
    _, gradient = lines._loss(scales, points, y)
    steps = 1e-5 * np.eye(len(scales))
    numeric = [
        (lines._loss(scales + step, points, y)[0] - lines._loss(scales - step, points, y)[0]) / 2e-5 for step in steps
    ]
    assert gradient == pytest.approx(np.array(numeric), rel=1e-4, abs=1e-4)


def test_where_a_curve_is_known_it_is_foreseen_as_it_is() -> None:
    points, lines = random_points(10, 2), CurveModel(2)
    lines.log_scales[-1] = np.log(1e-4)  # hardly any noise
    mean, variance = lines.predict(points, risen(points), points)
    assert mean == pytest.approx(risen(points), abs=1e-2)
    assert (variance < 1e-3).all()


def test_a_new_configuration_is_foreseen_from_those_like_it() -> None:
    points, lines = random_points(60, 2), CurveModel(2)
    lines.fit(points, risen(points))
    x = np.array([[0.1, 0.5], [0.9, 0.5]])
    mean, variance = lines.predict(points, risen(points), Points(x, np.ones(2), np.array([-1, -2]), np.ones(2)))
    assert mean == pytest.approx([-0.2, 0.6], abs=0.1)
    far = Points(x + 30, np.ones(2), np.array([-1, -2]), np.ones(2))
    assert (lines.predict(points, risen(points), far)[1] > 10 * variance).all(), "nothing is known far from all"


def test_fitting_finds_which_parameter_matters() -> None:
    points, lines = random_points(60, 2), CurveModel(2)
    lines.fit(points, risen(points))
    assert lines.log_scales[1] > lines.log_scales[0] + 1, "the second may change much without any effect"


def test_a_trial_of_its_own_is_foreseen_from_its_own_curve() -> None:
    """Ten trials of one configuration: what tells them apart is the second line, of each alone."""
    points = random_points(10, 2)
    points = Points(np.full_like(points.x, 0.5), points.s, points.trial, points.count)
    y = np.where(points.trial == 3, 1.0, 0.0) * (1 + points.s) + np.random.default_rng(0).normal(0, 0.05, 20)
    lines = CurveModel(2)
    lines.fit(points, y)
    mean, _ = lines.predict(points, y, at(points, 1.0))
    assert mean.argmax() == 3
    assert mean[3] > 1.2


@pytest.mark.parametrize(
    "y", [np.zeros(24), np.tile([1e6, -1e6], 12), np.eye(24)[5] * 1e3], ids=["flat", "huge", "one"]
)
def test_no_values_lead_to_scales_that_cannot_be_computed_with(y: Array) -> None:
    points, lines = random_points(12, 3), CurveModel(3)
    lines.fit(points, y)
    off = (lines.log_scales - lines._expected) / lines._width
    assert (abs(off) <= BOUND + 1e-9).all()
    mean, variance = lines.predict(points, y, at(points, 1.0))
    assert np.isfinite(mean).all()
    assert np.isfinite(variance).all()


@pytest.mark.parametrize("parameters", [4, 16])
def test_lengths_are_expected_where_their_density_is_highest(parameters: int) -> None:
    """Log-normal with mean sqrt(2) + ln(parameters) / 2 and deviation sqrt(3), Hvarfner et al. (ICML 2024)."""
    lengths = np.linspace(0.01, 10.0, 100_000)
    off = (np.log(lengths) - np.sqrt(2) - np.log(parameters) / 2) / np.sqrt(3)
    most_probable = lengths[np.argmax(-np.log(lengths) - off**2 / 2)]
    assert np.exp(CurveModel(parameters).log_scales[:parameters]) == pytest.approx(most_probable, rel=1e-3)
