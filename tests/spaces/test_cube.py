from __future__ import annotations

import math
import statistics
from typing import Any

import pytest

from spaces.cube import NUMBERS_KEPT, STEP, at_random, point, share, stepped
from spaces.space import Draw, ranges
from spaces.value_range import Range


def space(draw: Draw) -> None:
    if draw.choice("kind", ["a", "b", "c"]) != "a":
        draw.float("rate", 1e-4, 1e-2, log=True)
    draw.int("depth", 1, 3)
    draw.choice("on", [False, True])
    draw.int("batch", 1, 64, log=True)


def test_a_configuration_has_a_coordinate_a_number_and_one_each_of_several_choices() -> None:
    coordinates = point({"kind": "b", "rate": 1e-3, "depth": 3, "on": False, "batch": 8}, ranges(space))
    assert coordinates == pytest.approx([0.5, 1.0, 0.0, 1.0, 0.0, 1.0, 0.5])  # batch, depth, kind a b c, on, rate


def test_what_was_not_drawn_is_in_the_middle_and_what_is_outside_on_the_edge() -> None:
    spans = {"rate": Range("float", 1e-4, 1e-2, True), "depth": Range("int", 1, 3), "one": Range("int", 2, 2)}
    assert point({}, spans) == [0.5, 0.5, 0.5]
    assert point({"rate": 0.0, "depth": 9, "one": 2}, spans) == [1.0, 0.5, 0.0]
    assert point({"rate": None, "depth": None, "one": "auto"}, spans) == [0.5, 0.5, 0.5]


def test_random_draws_are_inside_the_space_even_and_the_same_for_the_same_seed() -> None:
    configurations = [at_random(space, {"depth": 2}, seed) for seed in range(400)]
    assert configurations[:5] == [at_random(space, {"depth": 2}, seed) for seed in range(5)]
    for configuration in configurations:
        assert configuration["depth"] == 2
        assert ("rate" in configuration) == (configuration["kind"] != "a")
        assert all(configuration[name] in span for name, span in ranges(space).items() if name in configuration)
    rates = sorted(value["rate"] for value in configurations if "rate" in value)
    assert rates[len(rates) // 2] == pytest.approx(1e-3, rel=0.5), "even on the logarithmic scale"


def test_about_half_of_the_usual_values_are_kept_where_they_are_in_range() -> None:
    def augmented(draw: Draw) -> None:
        draw.float("mixup", 0.0, 1.0)
        draw.float("scale", 0.1, 1.0, log=True)
        draw.int("close", 0, 10)
        draw.float("flip", 0.0, 0.5)

    usual = {"mixup": 0.0, "scale": 0.5, "close": 10, "flip": 0.75}
    configurations = [at_random(augmented, {}, seed, usual) for seed in range(400)]
    for name in ("mixup", "scale", "close"):
        usual_count = sum(configuration[name] == usual[name] for configuration in configurations)
        assert 160 < usual_count < 240 + 40 * (name == "close"), name  # of `close`, some are drawn so too
    assert not any(configuration["flip"] == usual["flip"] for configuration in configurations), "outside its range"
    together = sum(configuration["mixup"] == 0.0 and configuration["close"] == 10 for configuration in configurations)
    assert 60 < together < 160, "each by itself"


def test_a_stepped_configuration_keeps_half_of_the_numbers_and_moves_the_others_a_little() -> None:
    def numbers(draw: Draw) -> None:
        draw.float("lr", 1e-4, 1e-2, log=True)
        draw.float("gain", 0.0, 10.0)
        draw.int("close", 0, 100)
        draw.choice("optimizer", ["sgd", "adamw"])

    values: dict[str, Any] = {"lr": 1e-2, "gain": 5.0, "close": 50, "optimizer": "adamw"}
    configurations = [stepped(numbers, {}, seed, values) for seed in range(1000)]
    for name, span in ranges(numbers).items():
        shares = [share(configuration[name], span) for configuration in configurations if span.kind != "choice"]
        steps = [
            moved_share - share(values[name], span)
            for moved_share in shares
            if moved_share != share(values[name], span)
        ]
        assert all(configuration[name] in span for configuration in configurations)
        if span.kind != "choice":
            assert len(steps) / 1000 == pytest.approx(NUMBERS_KEPT, abs=0.05), name
            assert math.sqrt(statistics.fmean(step**2 for step in steps)) == pytest.approx(STEP, rel=0.1), name
    assert statistics.fmean(configuration["optimizer"] == "adamw" for configuration in configurations) == pytest.approx(
        0.95, abs=0.03
    )
    assert all(isinstance(configuration["close"], int) for configuration in configurations)


def test_a_step_leads_through_the_conditions_of_the_space_and_draws_what_was_not_known() -> None:
    values = {"kind": "a", "depth": 2, "on": True, "batch": 8}
    configurations = [stepped(space, {"depth": [2]}, seed, values) for seed in range(400)]
    rates = [configuration["rate"] for configuration in configurations if configuration["kind"] != "a"]
    assert 10 < len(rates) < 50, "one choice in ten is drawn anew, two of three of these are another"
    assert min(rates) < 5e-4 < 2e-3 < max(rates)
    assert all(("rate" in configuration) == (configuration["kind"] != "a") for configuration in configurations)
    assert configurations[:5] == [stepped(space, {"depth": [2]}, seed, values) for seed in range(5)]
