from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation, theilslopes

from search.pruning.curve import Curve, Point
from search.pruning.curve_statistics import PhaseSummary, curve_statistics, cv, detrended_cv, robust_deviation


def curve(losses: list[float], values: list[float | None] | None = None, warmup: int = 0, mode: str = "max") -> Curve:
    values = values or [None] * len(losses)
    phases = ["warmup" if at < warmup else "main" for at in range(len(losses))]
    numbered = zip(range(1, len(losses) + 1), values, losses, phases, strict=True)
    return Curve(mode, [Point(epoch, value, loss, None, phase) for epoch, value, loss, phase in numbered])


def test_a_loss_that_only_falls_varies_but_does_not_oscillate() -> None:
    measured = curve_statistics(curve([10.0 - epoch for epoch in range(9)]))
    assert measured.loss_cv == pytest.approx(0.43, abs=0.01)
    assert measured.loss_detrended_cv is not None
    assert measured.loss_detrended_cv < 0.43 / 4


def test_document_001_judges_the_loss_after_its_warm_up() -> None:
    measured = curve_statistics(curve([16.0, 10.0, 5.0, 5.1, 4.9, 5.0, 5.0], warmup=2))
    assert measured.loss_cv is not None
    assert measured.loss_cv > 0.5
    assert measured.loss_cv_settled == pytest.approx(0.0126, abs=1e-4)


def test_a_single_jump_is_a_spike() -> None:
    losses = [1.0, 1.01, 0.99, 1.0, 1.02, 3.0, 1.0, 0.98, 1.01, 1.0]
    assert curve_statistics(curve(losses)).spikes == (6,)


def test_the_trend_is_an_epochs_gain_in_the_direction_that_is_better() -> None:
    losses = [1.0] * 5
    assert curve_statistics(curve(losses, [0.1, 0.2, 0.3, 0.4, 0.5])).trend == pytest.approx(0.1)
    assert curve_statistics(curve(losses, [0.5, 0.4, 0.3, 0.2, 0.1], mode="min")).trend == pytest.approx(0.1)


def test_one_wild_epoch_does_not_turn_the_trend() -> None:
    trend = curve_statistics(curve([1.0] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.0])).trend
    assert trend is not None
    assert trend > 0


def test_the_decline_is_what_was_lost_since_the_peak() -> None:
    assert curve_statistics(curve([1.0] * 5, [0.1, 0.8, 0.4, 0.4, 0.4])).decline == pytest.approx(0.5)


def test_a_training_that_ends_at_its_peak_has_not_declined_however_fast_it_rises() -> None:
    assert curve_statistics(curve([1.0] * 5, [0.1, 0.2, 0.3, 0.5, 0.9])).decline == 0.0
    assert curve_statistics(curve([1.0] * 5, [0.5, 0.5, 0.1, 0.1, 0.6])).decline == 0.0
    assert curve_statistics(curve([1.0] * 3, [0.8, 0.8, 0.8])).decline == 0.0


def test_phases_are_summed_up_in_their_order() -> None:
    phases = curve_statistics(curve([4.0, 2.0, 1.0, 1.0], [0.1, 0.2, 0.5, 0.4], warmup=2)).phases
    warmup = PhaseSummary("warmup", 1, 2, loss_first=4.0, loss_last=2.0, loss_mean=3.0, loss_std=1.0, value=0.2)
    main = PhaseSummary("main", 3, 4, loss_first=1.0, loss_last=1.0, loss_mean=1.0, loss_std=0.0, value=0.5)
    assert phases == (warmup, main)
    assert (warmup.loss_change, main.loss_change) == (-0.5, 0.0)


def test_the_epochs_of_the_lowest_losses_are_told_the_lowest_first() -> None:
    """Document 001 ranks its checkpoints so."""
    losses = [4.0, 2.0, math.nan, 1.0, 1.5, 3.0, 2.5]
    lowest = curve_statistics(curve(losses)).lowest_losses
    assert lowest == ((4, 1.0), (5, 1.5), (2, 2.0), (7, 2.5), (6, 3.0))


def test_too_few_points_say_nothing() -> None:
    computed = curve_statistics(curve([1.0], [0.5]))
    assert (
        computed.loss_cv,
        computed.value_detrended_cv,
        computed.trend,
        computed.noise,
        computed.spikes,
    ) == (None,) * 4 + ((),)
    assert curve_statistics(Curve()).phases == ()


@pytest.mark.parametrize("values", [[0.0] * 9, [1.0, -1.0] * 4])
def test_a_ratio_to_nothing_is_no_number(values: list[float]) -> None:
    assert cv(values) is None
    assert detrended_cv(values) is None


def test_document_001s_cv_is_of_the_losses_of_all_steps() -> None:
    """The report's own code takes the CV of what was logged, step by step."""
    steps = [[9.0, 7.0], [5.0, 4.0, 3.0, 4.0], [4.0, 2.0, 3.0, 3.0], [2.0, 2.0, 3.0, 1.0]]
    points = [
        Point(
            epoch, None, statistics.fmean(losses), None, "warmup" if epoch == 1 else "main", statistics.pstdev(losses)
        )
        for epoch, losses in enumerate(steps, start=1)
    ]
    settled = [loss for losses in steps[1:] for loss in losses]
    computed = curve_statistics(Curve("max", points))
    assert computed.loss_cv_steps == pytest.approx(statistics.pstdev(settled) / statistics.fmean(settled))
    assert curve_statistics(Curve("max", [*points, Point(5, None, 2.0)])).loss_cv_steps is None


@given(
    st.lists(st.tuples(st.floats(), st.none() | st.floats(-1e6, 1e6)), max_size=30),
    st.integers(0, 5),
    st.sampled_from(["max", "min"]),
)
def test_any_curve_has_its_numbers(points: list[tuple[float, float | None]], warmup: int, mode: str) -> None:
    losses = [max(-1e6, min(1e6, loss)) if math.isfinite(loss) else loss for loss, _ in points]
    computed = curve_statistics(curve(losses, [value for _, value in points], warmup, mode))
    assert computed.noise is None or computed.noise >= 0
    assert sum(phase.last - phase.first + 1 for phase in computed.phases) == len(points)


@given(st.lists(st.floats(0.1, 10), min_size=5, max_size=30), st.floats(0.1, 10))
def test_the_unit_does_not_matter(values: list[float], factor: float) -> None:
    in_one_unit, in_another = detrended_cv(values), detrended_cv([factor * value for value in values])
    assert in_one_unit == pytest.approx(in_another, rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=40))
def test_trend_and_deviation_are_those_of_scipy(values: list[float]) -> None:
    """They are computed without SciPy because its import would slow down every command that explains a trial."""
    slope = theilslopes(values, range(1, len(values) + 1)).slope
    assert curve_statistics(curve([1.0] * len(values), [*values])).trend == pytest.approx(slope, rel=1e-12, abs=1e-12)
    scipys = median_abs_deviation(values, center=lambda _values, axis: 0.0, scale="normal")
    assert robust_deviation(values) == pytest.approx(scipys, rel=1e-12, abs=1e-12)
