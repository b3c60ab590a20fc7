"""A metric that swings ends a run only once its window is full, behind its peers, and if it was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from search.pruning.curve import Curve, Point
from search.pruning.decision import Decision
from search.pruning.stability import StabilitySettings
from search.pruning.stop_rules import verdict
from trainables.settings import parse

SWINGS = [0.3, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3]
CALM = [0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.31]


def oscillating(
    values: Sequence[float | None], peers: float | None = 0.5, phase: str = "main", **fields: object
) -> Decision | None:
    points = [Point(epoch, value, 1.0, None, phase) for epoch, value in enumerate(values, start=1)]
    settings = parse(StabilitySettings, {"oscillation_cv": 0.2} | fields, "stability")
    return verdict(Curve("max", points), 20, settings, peers=lambda epoch: peers)


def test_a_metric_that_swings_behind_its_peers_oscillates() -> None:
    decision = oscillating(SWINGS)
    assert decision is not None
    assert decision.reason == "oscillating"
    assert "worse than the peers' median 0.5000" in decision.detail
    assert decision.numbers["cv"] > 0.2


@pytest.mark.parametrize("peers", [None, 0.2, 0.3])
def test_a_run_that_swings_but_is_not_behind_goes_on(peers: float | None) -> None:
    assert oscillating(SWINGS, peers) is None


def test_a_calm_run_goes_on_however_far_behind() -> None:
    assert oscillating(CALM, peers=0.9) is None


def test_a_metric_that_rises_steeply_does_not_oscillate() -> None:
    assert oscillating([0.03 * epoch for epoch in range(1, 11)], peers=0.9) is None


def test_before_its_window_is_full_nothing_oscillates() -> None:
    assert oscillating(SWINGS[:9]) is None
    assert oscillating([None, *SWINGS[:9]]) is None


def test_the_warm_up_may_swing() -> None:
    assert oscillating(SWINGS, phase="warmup") is None


def test_oscillation_is_not_looked_for_early_in_the_budget() -> None:
    assert oscillating(SWINGS, oscillation_after=0.6) is None
    decision = oscillating(SWINGS, oscillation_after=0.5)
    assert decision is not None
    assert decision.reason == "oscillating"


def test_oscillation_stops_nobody_unless_asked_to() -> None:
    assert oscillating(SWINGS, oscillation_cv=None) is None
    assert StabilitySettings().oscillation_cv is None


def test_peers_are_only_counted_when_a_metric_swings() -> None:
    def peers(epoch: int) -> float | None:
        raise AssertionError("a calm run need not look at its peers")

    points = [Point(epoch, value, 1.0) for epoch, value in enumerate(CALM, start=1)]
    assert verdict(Curve("max", points), 30, StabilitySettings(oscillation_cv=0.2), peers=peers) is None
