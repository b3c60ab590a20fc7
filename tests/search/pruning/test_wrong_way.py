"""Document 002's failing run is told."""

from __future__ import annotations

import random

import pytest

from search.pruning.curve import Curve, Point
from search.pruning.wrong_way import FEWEST, wrong_way

LOSSES = [2.87, 2.90, 2.93, 2.97, 3.00, 3.03, 3.07, 3.10]
VALUES = [0.060, 0.049, 0.045, 0.040, 0.035, 0.030, 0.025, 0.020]


def curve(losses: list[float], values: list[float | None], mode: str = "max", warmup: int = 0) -> Curve:
    phases = ["warmup" if at < warmup else "main" for at in range(len(losses))]
    pairs = zip(losses, values, phases, strict=True)
    return Curve(mode, [Point(at, value, loss, None, phase) for at, (loss, value, phase) in enumerate(pairs, start=1)])


def test_the_documents_failing_run_is_told() -> None:
    assert wrong_way(curve(LOSSES, [*VALUES])) == (
        "It learns in the wrong direction: from epoch 1 to 8 the training loss rose from 2.87 to 3.1, and the metric "
        "went from 0.0600 to 0.0200"
    )


def test_its_warm_up_counts_too() -> None:
    assert wrong_way(curve(LOSSES, [*VALUES], warmup=5))


def test_a_metric_to_minimise_goes_wrong_upwards() -> None:
    assert wrong_way(curve(LOSSES, [1 / value for value in VALUES], mode="min"))
    assert not wrong_way(curve(LOSSES, [*VALUES], mode="min"))


@pytest.mark.parametrize(
    ("losses", "values"),
    [
        (LOSSES[::-1], VALUES),
        (LOSSES, VALUES[::-1]),
        (LOSSES[:5], VALUES[:5]),
        ([2.0] * 8, VALUES),
        (LOSSES, [0.05] * 8),
    ],
    ids=["the loss falls", "the metric rises", "too short", "the loss stands", "the metric stands"],
)
def test_others_are_not(losses: list[float], values: list[float]) -> None:
    assert wrong_way(curve(losses, [*values])) == ""


def test_another_phase_has_other_losses() -> None:
    one_phase = curve([*LOSSES[:4], *LOSSES[4:]], [*VALUES])
    points = [
        *one_phase.points[:4],
        *(Point(point.epoch, point.value, point.loss, None, "finetune") for point in one_phase.points[4:]),
    ]
    assert wrong_way(Curve("max", points)) == ""


def test_a_dip_in_the_middle_of_a_training_is_not() -> None:
    """A public run may do worse for a while and end as the best of its group."""
    assert (
        wrong_way(curve([3.0, 2.9, 2.8, 2.7, *LOSSES], [0.1, 0.2, 0.3, 0.5, *(10 * value for value in VALUES)])) == ""
    )


def test_a_curve_that_only_wavers_is_hardly_ever_told() -> None:
    drawn = random.Random(0)
    complaints = sum(
        bool(wrong_way(curve([drawn.random() for _ in range(FEWEST)], [drawn.random() for _ in range(FEWEST)])))
        for _ in range(2000)
    )
    assert complaints <= 20, "one in a hundred"
