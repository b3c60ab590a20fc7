"""The stop rules together; each rule has its tests in `test_loss_rules.py` or `test_metric_rules*.py`."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning.curve import Curve, Point
from search.pruning.decision import FAILURES, Decision
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import broken, verdict
from tests.support.judged import DEFAULTS, judged, reason
from trainables.errors import SettingsError
from trainables.recipe import Alarm
from trainables.settings import parse

NAN, INF = math.nan, math.inf


def test_a_falling_loss_is_fine() -> None:
    assert judged([3.0, 2.0, 1.5, 1.2, 1.1]) is None


def test_the_recipes_alarm_ends_it_with_the_recipes_words() -> None:
    curve = Curve("max", [Point(1, 0.5, 1.0)])
    decision = verdict(curve, 10, DEFAULTS, Alarm("collapsed", "all boxes are one"))
    assert decision == Decision("stop", "collapsed", "all boxes are one")


def test_a_training_that_is_to_reach_its_end_is_stopped_only_if_nothing_is_left_to_train() -> None:
    losses = [1.0, 9.0, 9.0, 9.0, 9.0]
    diverging = Curve("max", [Point(epoch, 0.5, loss) for epoch, loss in enumerate(losses, start=1)])
    assert reason(verdict(diverging, 10, DEFAULTS)) == "diverging"
    assert broken(diverging, DEFAULTS) is None
    assert broken(diverging, DEFAULTS, Alarm("collapsed", "all boxes are one")) is None
    weights = Alarm("nonfinite", "weights of head are no longer finite")
    assert broken(diverging, DEFAULTS, weights) == Decision("stop", "nonfinite", weights.detail)
    lost = Curve("max", [Point(epoch, 0.5, NAN) for epoch in (1, 2)])
    assert reason(broken(lost, DEFAULTS)) == "nonfinite"


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("nonfinite_epochs", 0, "at least 1"),
        ("train_factor", 1.0, "greater than 1"),
        ("held_out_factor", 0.5, "greater than 1"),
        ("collapse_after", 1.5, "at most 1"),
        ("train_epochs", 2.5, "whole number"),
        ("collapse_value", INF, "finite"),
        ("collapse_share", 1.0, "less than 1"),
    ],
)
def test_a_threshold_without_sense_is_refused(field: str, value: float, rule: str) -> None:
    with pytest.raises(SettingsError, match=rf"stability: setting '{field}' is {value}; it must .*{rule}"):
        parse(StabilitySettings, {field: value}, "stability")


# --- whatever ----------------------------------------------------------------------------------------------------

ANY = st.sampled_from([0.0, -0.0, 1e-9, 0.5, 1.0, -1.0, 1e300, -1e300, NAN, INF, -INF])


@given(
    points=st.lists(st.tuples(st.none() | ANY, ANY, st.none() | ANY), min_size=1, max_size=25),
    mode=st.sampled_from(["max", "min"]),
    max_epochs=st.integers(1, 100),
    nonfinite_epochs=st.integers(1, 4),
    train_epochs=st.integers(1, 4),
    no_best_epochs=st.integers(1, 12),
)
def test_whatever_the_curve_there_is_a_verdict_or_none(
    points: list[tuple[float | None, float, float | None]], mode: str, max_epochs: int, **thresholds: Any
) -> None:
    curve = Curve(mode, [Point(epoch, *point) for epoch, point in enumerate(points, start=1)])
    decision = verdict(curve, max_epochs, StabilitySettings(oscillation_cv=0.2, **thresholds), peers=lambda epoch: 0.3)
    if decision is not None:
        assert decision.action == "stop"
        assert decision.reason in FAILURES | {"oscillating"}
        assert decision.detail


@given(st.floats(1e-3, 1e6), st.integers(1, 60))
def test_a_constant_loss_with_a_constant_metric_is_never_lost(loss: float, epochs: int) -> None:
    assert judged([loss] * epochs, [0.5] * epochs, [loss] * epochs) is None
