from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest

from spaces.space import Draw, drawable, drawn, ranges
from spaces.value_range import Range
from trainables.errors import SettingsError


def layered(draw: Draw) -> None:
    """Two conditions, one inside the other."""
    draw.float("lr", 1e-4, 1e-2, log=True)
    if draw.choice("optimizer", ["adam", "sgd"]) == "sgd":
        draw.float("momentum", 0.5, 0.99)
        if draw.int("warmup", 0, 5):
            draw.float("warmup_start", 0.1, 0.6)


def trial(**values: Any) -> optuna.trial.FixedTrial:
    return optuna.trial.FixedTrial(values)


def test_values_are_drawn_by_name_from_the_trial() -> None:
    assert drawn(layered, trial(lr=1e-3, optimizer="adam"), {}) == {"lr": 1e-3, "optimizer": "adam"}


def test_what_was_drawn_decides_what_is_drawn_next() -> None:
    values = {"lr": 1e-3, "optimizer": "sgd", "momentum": 0.9, "warmup": 2, "warmup_start": 0.2}
    assert drawn(layered, trial(**values), {}) == values


def test_a_pinned_name_is_not_asked_of_the_trial() -> None:
    values = drawn(layered, trial(momentum=0.9, warmup=0), {"lr": 0.5, "optimizer": "sgd"})
    assert values == {"lr": 0.5, "optimizer": "sgd", "momentum": 0.9, "warmup": 0}


def test_a_narrowed_name_is_asked_within_the_users_bounds() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(10):
        assert drawn(layered, study.ask(), {"lr": {"low": 2e-3, "high": 3e-3}})["lr"] == pytest.approx(2.5e-3, rel=0.21)


def test_every_branch_is_listed_with_its_condition() -> None:
    assert ranges(layered) == {
        "lr": Range("float", 1e-4, 1e-2, log=True),
        "optimizer": Range("choice", choices=("adam", "sgd")),
        "momentum": Range("float", 0.5, 0.99, when="optimizer is sgd"),
        "warmup": Range("int", 0, 5, when="optimizer is sgd"),
        "warmup_start": Range("float", 0.1, 0.6, when="optimizer is sgd, warmup > 0"),
    }


def test_a_condition_names_every_choice_that_leads_to_a_setting() -> None:
    def space(draw: Draw) -> None:
        if draw.choice("optimizer", ["adam", "sgd"]) == "adam":
            draw.float("beta", 0.6, 0.98)
        if draw.choice("freeze", [0, 5, 11]):
            draw.int("unfreeze", 1, 10)
        stage = draw.choice("stage", [2, 1, 3])
        if stage > 1:
            draw.float("contrast", 0.1, 2.0)
        if stage == 3 and draw.choice("triplets", [True, False]):
            draw.float("ratio", 0.1, 0.5)
        if draw.int("warmup", 0, 5) == 0:
            draw.float("boost", 0.0, 1.0)

    assert {name: span.when for name, span in ranges(space).items() if span.when} == {
        "beta": "optimizer is adam",
        "unfreeze": "freeze is 5 or 11",
        "contrast": "stage is 2 or 3",
        "triplets": "stage is 3",
        "ratio": "stage is 3, triplets is True",
        "boost": "warmup is 0",
    }


def test_what_the_user_pins_opens_or_closes_branches() -> None:
    assert set(ranges(layered, {"optimizer": "adam"})) == {"lr"}
    assert ranges(layered, {"optimizer": "sgd"})["momentum"].when == ""
    assert set(ranges(layered, {"optimizer": "sgd", "warmup": 0})) == {"lr", "momentum", "warmup"} - {"warmup"}


def test_a_space_that_draws_nothing_has_no_ranges() -> None:
    assert ranges(lambda draw: None) == {}


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Range("float", 1e-4, 0.5), "0.0001 … 0.5"),
        (Range("int", 1, 16, log=True), "1 … 16 (log)"),
        (Range("choice", choices=("a", 2, True)), "a | 2 | True"),
    ],
)
def test_a_range_reads_as_people_write_it(span: Range, words: str) -> None:
    assert str(span) == words


@pytest.mark.parametrize("log", ["yes", 1, None])
def test_a_scale_must_be_true_or_false(log: Any) -> None:
    with pytest.raises(SettingsError, match=r"set.lr.log is .*; it must be true or false"):
        ranges(layered, {"lr": {"log": log}})


@pytest.mark.parametrize("name", ["lr", "warmup"])
def test_a_number_that_is_left_empty_is_named(name: str) -> None:
    """As in `set: {lr: }`; a script's parameter may be null, where it is not passed."""
    with pytest.raises(SettingsError, match=f"set.{name} is null; give it a number or a range, or leave it out"):
        ranges(layered, {"optimizer": "sgd", name: None})


def test_a_scale_may_be_changed() -> None:
    assert ranges(layered, {"lr": {"log": False}})["lr"] == Range("float", 1e-4, 1e-2)


@pytest.mark.parametrize("value", [None, "auto", True])
@pytest.mark.parametrize("name", ["lr", "warmup"])
def test_what_is_no_number_could_not_have_been_drawn_as_one(name: str, value: Any) -> None:
    """A setting that may be left empty, such as how many layers are frozen, may be searched as a number."""
    values = {"lr": 1e-3, "optimizer": "sgd", "momentum": 0.9, "warmup": 2, "warmup_start": 0.2}
    assert drawable(layered, values, {}) == values
    assert drawable(layered, values | {name: value}, {}) is None
    assert value not in ranges(layered)[name]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda draw: draw.float("lr", 0, 1, log=True), "space: lr: low is 0; a logarithmic range must begin above 0"),
        (lambda draw: draw.int("width", 64, 8), "space: width: low 64 is above high 8; low must be at most high"),
        (lambda draw: draw.float("lr", float("nan"), 1), "space: lr: low nan is above high 1"),
        (lambda draw: draw.choice("optimizer", []), "space: optimizer has no choices; give at least one"),
    ],
)
def test_a_range_of_ones_own_from_which_nothing_can_be_drawn_is_named(ask: Callable[[Draw], Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        ranges(lambda draw: draw.choice("a", [1, 2]) == 2 and ask(draw))


def test_the_example_of_ranges_is_true() -> None:
    def space(draw: Draw) -> None:
        if draw.int("warmup_epochs", 0, 10):
            draw.float("warmup_start", 0.1, 0.6)
        if draw.choice("optimizer", ["sgd", "adamw"]) == "adamw":
            draw.float("beta", 0.8, 0.99)

    assert {name: listed.when for name, listed in ranges(space).items()} == {
        "warmup_epochs": "",
        "optimizer": "",
        "warmup_start": "warmup_epochs > 0",
        "beta": "optimizer is adamw",
    }
