"""The figure of one training's steadiness, and the table of its phases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search.journal.events import EpochDone
from search.pruning.curve import Curve, Point
from search.pruning.curve_statistics import curve_statistics
from search.views.stability_figure import stability_figure
from search.views.tables import phase_table
from tests.support.charts import panels


def test_document_001s_figure_has_loss_rate_parts_and_spread_by_phase() -> None:
    epochs = [training(epoch) for epoch in range(1, 13)]
    curve = Curve("max", [Point.of(done.epoch, "score", done.metrics, done.losses, done.phase) for done in epochs])
    measured = curve_statistics(curve)
    drawn = panels(stability_figure("trial 7", epochs, curve, measured))
    assert [[series.name for series in panel.series] for panel in drawn[:3]] == [
        ["train", "val"],
        ["head"],
        ["train/box", "train/cls"],
    ]
    spread = drawn[3].series
    assert [series.name.split()[0] for series in spread] == ["epoch", "warmup", "main"]
    main = measured.phases[1]
    assert spread[2].y == (main.loss_mean, main.loss_mean)
    assert spread[2].spread == (main.loss_std, main.loss_std)


def test_document_001s_figure_has_the_loss_of_all_steps_and_its_spread_within_each_epoch() -> None:
    epochs = [replace(training(epoch), spread=0.1 * epoch, steps=[3.0, 2.0]) for epoch in range(1, 5)]
    points = [Point.of(done.epoch, "score", done.metrics, done.losses, done.phase) for done in epochs]
    curve = Curve("max", [replace(point, spread=0.1 * point.epoch) for point in points])
    chart = stability_figure("trial 7", epochs, curve, curve_statistics(curve))
    drawn = panels(chart)
    steps = drawn[0].series[0]
    assert (steps.name, steps.x[:3], steps.y[:2]) == ("train, by step", (0.25, 0.75, 1.25), (3.0, 2.0))
    (within,) = drawn[3].series
    assert within.x == (1.0, 2.0, 3.0, 4.0)
    assert within.y == tuple(done.losses["train"] for done in epochs)
    assert within.spread == pytest.approx((0.1, 0.2, 0.3, 0.4))
    assert "of all steps" in chart.note


def test_the_held_out_loss_stands_beside_the_training_loss_of_the_same_parts() -> None:
    losses = {
        "train": 6.0,
        "train/iou": 1.0,
        "train/cls": 2.0,
        "train/l1": 3.0,
        "val": 2.5,
        "val/iou": 1.0,
        "val/cls": 1.5,
    }
    epochs = [replace(training(epoch), losses=losses) for epoch in (1, 2)]
    curve = Curve("max", [Point.of(done.epoch, "score", done.metrics, done.losses, done.phase) for done in epochs])
    loss = panels(stability_figure("", epochs, curve, curve_statistics(curve)))[0]
    assert {series.name: series.y for series in loss.series} == {
        "train": (6.0, 6.0),
        "val": (2.5, 2.5),
        "train, cls + iou as in val": (3.0, 3.0),
    }


def test_the_phase_table_has_a_row_a_phase() -> None:
    curve = Curve(
        "max",
        [
            Point.of(number, "score", {"score": number / 10}, training(number).losses, training(number).phase)
            for number in range(1, 7)
        ],
    )
    phases = phase_table(curve_statistics(curve), "score")
    assert [row[:2] for row in phases.rows] == [("warmup", "1–3"), ("main", "4–6")]
    assert phases.rows[1][5] == "0.6000"
    (first, last), change = phases.rows[0][4].split(" (")[0].split(" → "), phases.rows[0][4].split(" (")[1]
    losses = [training(epoch).losses["train"] for epoch in (1, 3)]
    assert (float(first), float(last)) == pytest.approx(losses, rel=1e-3)
    assert change == f"{losses[1] / losses[0] - 1:+.1%})"
    assert "Epochs of the lowest training losses: " in phases.note


def training(epoch: int) -> EpochDone:
    losses = {"train": 10.0 / epoch, "train/box": 6.0 / epoch, "train/cls": 4.0 / epoch, "val": 11.0 / epoch}
    phase = "warmup" if epoch <= 3 else "main"
    return EpochDone(7, epoch, phase, {"score": epoch / 20}, losses, {"head": 1e-3}, {"train": 1.0})
