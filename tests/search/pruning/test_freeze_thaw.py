from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from search.pruning import forecast
from search.pruning.curve import Curve, Point
from search.pruning.forecast import Forecast
from search.pruning.freeze_thaw import FreezeThaw, cost
from search.pruning.promoting import PromotingASHA
from spaces.cube import Configurations


def rise(height: float, epochs: int, mode: str = "max") -> Curve:
    """A curve that rises to `height` by epoch 27, evenly in the logarithm of the epoch."""
    sign = 1.0 if mode == "max" else -1.0
    values = [sign * height * math.log(epoch + 1) / math.log(28) for epoch in range(1, epochs + 1)]
    return Curve(mode, [Point(epoch, value, 1.0) for epoch, value in enumerate(values, start=1)])


def grown(heights: list[float], epochs: int = 3, mode: str = "max") -> Forecast:
    """Of trials whose height is their only parameter."""
    forecast = Forecast(27)
    for trial, height in enumerate(heights):
        forecast.start(trial, [height])
        forecast.arrive(trial, rise(height, epochs, mode))
    return forecast


HEIGHTS = [0.1, 0.9, 0.3, 0.5, 0.7, 0.2]


@pytest.mark.parametrize("mode", ["max", "min"])
def test_who_rises_highest_promises_most_in_either_sense_of_the_metric(mode: str) -> None:
    promised = grown(HEIGHTS, mode=mode).bounds(range(6), [])[0]
    assert sorted(range(6), key=lambda trial: promised[trial]) == [0, 5, 2, 3, 4, 1]


def test_new_configurations_are_measured_against_those_begun() -> None:
    low, high = grown(HEIGHTS).bounds([0], [[0.15], [0.95]])[1]
    assert low < high
    assert high == pytest.approx(0.95, abs=0.25)


def test_who_was_lost_makes_those_like_it_promise_little() -> None:
    after_losses, before = grown(HEIGHTS), grown(HEIGHTS).bounds([], [[0.92]])[1][0]
    after_losses.fail(1)
    after_losses.fail(9)  # failed before its first epoch, and has no place among the configurations yet
    after_losses.start(9, [0.95])
    assert after_losses.bounds([], [[0.92]])[1][0] < before - 0.1


def test_who_starts_fast_beside_those_that_diverged_promises_less_than_who_starts_slowly() -> None:
    """The rate is the only parameter: the higher, the faster, until from .8 on trainings diverge at once."""
    forecast = Forecast(27)
    for trial, rate in enumerate([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.82, 0.9, 0.97]):
        forecast.start(trial, [rate])
        forecast.arrive(trial, rise(rate, 3 if rate < 0.8 else 1))
        if rate > 0.8:
            forecast.fail(trial)
    calm, near, beyond = forecast.bounds([], [[0.6], [0.78], [0.9]])[1]
    assert calm > near > beyond


def test_a_forecast_does_not_depend_on_when_somebody_asks() -> None:
    asked, silent = Forecast(27), Forecast(27)
    for informed in (asked, silent):
        for epoch in range(1, 8):
            for trial, height in enumerate(HEIGHTS):
                if epoch == 1:
                    informed.start(trial, [height])
                informed.arrive(trial, rise(height, epoch))
                if informed is asked:
                    informed.bounds(range(trial + 1), [[0.4]])
    assert asked.bounds(range(6), [[0.4]]) == silent.bounds(range(6), [[0.4]])


def test_of_many_trials_the_best_and_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "MEMBERS", 4)
    promised = grown(HEIGHTS).bounds(range(6), [])[0]
    assert [math.isfinite(bound) for bound in promised] == [False, True, False, True, True, True], "1, 4; and 3, 5"


def test_before_the_first_value_all_promise_the_same() -> None:
    forecast = Forecast(27)
    forecast.start(0, [0.5])
    assert forecast.bounds([0], [[0.1], [0.9]]) == ([0.0], [0.0, 0.0])


# --- who goes on -------------------------------------------------------------------------------------------------


def scheduler_of(trials: int, new: Mapping[str, Any] | None = None) -> FreezeThaw:
    """Rungs at 3 and 9 of 27 epochs; each new configuration has the height .5, or as given."""
    configurations = Configurations(
        lambda started, near, by_steps: [dict(new or {"height": 0.5})], lambda values: [values["height"]]
    )
    return FreezeThaw([3, 9], 27, trials, configurations)


def begin(asha: FreezeThaw, trial: int, height: float, epochs: int = 3, remaining: int = 0) -> str:
    """A trial starts and comes to its first rung; what becomes of it."""
    asha.start(trial, {"height": height})
    asha.arrive(trial, rise(height, epochs))
    return decide(asha, trial, remaining)


def decide(asha: FreezeThaw, trial: int, remaining: int = 0) -> str:
    rung = asha.due(trial)
    assert rung is not None
    action = asha.action(trial, rung, remaining)
    asha.record(trial, rung, action)
    return action


def test_while_configurations_are_drawn_blindly_all_wait() -> None:
    asha = scheduler_of(trials=9)
    assert [begin(asha, trial, 0.9, remaining=8 - trial) for trial in range(2)] == ["pause"] * 2
    assert asha.promotable(remaining=7) is None
    assert begin(asha, 2, 0.2, remaining=6) == "pause"
    assert asha.promotable(remaining=6) is not None, "three of nine were blind"


def test_who_promises_most_goes_on_be_it_begun_or_new() -> None:
    heights = [0.1, 0.8, 0.4, 0.6, 0.2]
    for new, goes_on in ((0.05, (1, 3)), (0.95, None)):
        asha = scheduler_of(trials=9, new={"height": new})
        for trial, height in enumerate(heights):
            begin(asha, trial, height, remaining=8 - trial)
        assert asha.promotable(remaining=4) == goes_on
        assert asha.new() == {"height": new}
        assert asha.promotable(remaining=0) == (1, 3), "nothing new may start"


def test_no_sweep_ends_before_one_training_has() -> None:
    """Five trials took all epochs, and each was paused just before its end."""
    asha = scheduler_of(trials=12)
    for trial, height in enumerate([0.8, 0.5, 0.6, 0.7, 0.4]):
        assert begin(asha, trial, height, epochs=26, remaining=11 - trial) == "pause"
    assert asha.promotable(remaining=0) == (0, 9)
    asha.record(0, 9, "continue")
    asha.arrive(0, rise(0.8, 27))
    asha.end(0, "done")
    assert asha.promotable(remaining=0) is None


def test_a_training_that_ended_at_nothing_has_ended() -> None:
    asha = scheduler_of(trials=12)
    for trial in range(5):
        begin(asha, trial, 0.0, epochs=26, remaining=11 - trial)
    asha.record(0, 9, "continue")
    asha.arrive(0, rise(0.0, 27))
    asha.end(0, "done")
    assert asha.promotable(remaining=0) is None


def test_when_the_epochs_are_gone_who_waits_is_measured_against_the_best_that_ended() -> None:
    asha = scheduler_of(trials=12)
    for trial, height in enumerate([0.8, 0.5, 0.6, 0.7, 0.4]):
        begin(asha, trial, height, epochs=26, remaining=11 - trial)
    assert (asha.rung_result(3, 9).rank, asha.rung_result(3, 9).peers) == (2, 5)
    asha.record(0, 9, "continue")
    asha.arrive(0, rise(0.9, 27))
    asha.end(0, "done")
    standing = asha.rung_result(3, 9)
    assert (standing.rank, standing.peers) == (2, 5)
    assert standing.cutoff == pytest.approx(0.9, abs=0.02), "what the last epochs of trial 0 reached"


def test_who_is_first_at_a_rung_stays_on_its_worker() -> None:
    asha = scheduler_of(trials=9)
    for trial, height in enumerate([0.1, 0.8, 0.4]):
        begin(asha, trial, height, remaining=8 - trial)
    assert begin(asha, 3, 0.3) == "pause"
    assert begin(asha, 4, 0.95) == "continue"
    standing = asha.rung_result(3, 3)
    assert (standing.rank, standing.promoted) == (4, False), "behind .8, .4 and the new one"
    assert standing.peers == 5, "four wait, and one that is new"


def test_a_trial_without_a_value_ends_at_its_rung() -> None:
    asha = scheduler_of(trials=3)
    asha.start(0, {"height": 0.5})
    asha.arrive(0, Curve("max", [Point(epoch, None, 1.0) for epoch in (1, 2, 3)]))
    assert asha.action(0, 3, 2) == "stop"


def test_a_late_report_counts_at_the_highest_rung_that_it_passed() -> None:
    asha = scheduler_of(trials=3)
    asha.start(0, {"height": 0.5})
    asha.arrive(0, rise(0.5, 12))
    assert asha.due(0) == 9


def test_it_takes_no_more_epochs_than_promoting_asha() -> None:
    """All train 3 epochs; under freeze-thaw a third of them 6 more, and a ninth 18 more."""
    assert cost([3, 9], 27, 90) == pytest.approx(90 * 3 + 30 * 6 + 10 * 18)
    assert cost([], 2, 90) == 180
    asha = PromotingASHA(3, 3, 27, 1)
    epochs, waiting = 0, [*range(90)]
    for trial in waiting:
        asha.start(trial, {})
        asha.arrive(trial, rise(trial / 90, 3))
        epochs += 3
        asha.record(trial, 3, "pause")
    while (promotion := asha.promotable(0)) is not None:
        trial, rung = promotion
        asha.record(trial, rung, "continue")
        to = 9 if rung == 3 else 27
        asha.arrive(trial, rise(trial / 90, to))
        epochs += to - rung
        if to == 9:
            asha.record(trial, 9, "pause")
        else:
            asha.end(trial, "done")
    assert cost([3, 9], 27, 90) < epochs == 90 * 3 + 36 * 6 + 14 * 18, "(1/3)**.85 and (1/9)**.85 of 90, rounded up"


def test_once_that_is_spent_only_who_may_beat_the_best_goes_on_and_not_for_long() -> None:
    asha = scheduler_of(trials=3)  # 21 epochs
    for trial, height in enumerate([0.3, 0.2, 0.9]):
        asha.start(trial, {"height": height})
        asha.arrive(trial, rise(height, 9 if trial == 2 else 3))
        asha.record(trial, 9 if trial == 2 else 3, "pause")
    assert not asha.over
    asha.start(3, {"height": 0.5})
    asha.arrive(3, rise(0.5, 27))
    asha.end(3, "done")
    assert asha.over
    assert asha.promotable(0) == (2, 9), "it may beat .5"
    asha.record(2, 9, "continue")
    assert asha.promotable(0) is None, "neither of the others may"
    asha.record(2, 9, "pause")
    asha.start(4, {"height": 0.4})
    asha.arrive(4, rise(0.4, 27))
    assert asha.promotable(0) is None, "a training's epochs more were taken"
