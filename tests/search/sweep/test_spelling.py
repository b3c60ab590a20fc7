"""What people who know W&B, Optuna or Ray write is answered with how it is written here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from search.sweep.spelling import check_pairs
from tests.support.fakes import CurveSettings, plan_of
from trainables.errors import SettingsError, nearest

FIELDS: dict[str, Any] = {
    "method": "bayes",
    "parameters": {"lr": {"min": 1e-5, "max": 1e-2}},
    "early_terminate": {"type": "hyperband"},
    "n_trials": 20,
    "timeout": 600,
    "num_samples": 20,
    "direction": "maximize",
    "pruner": "median",
    "program": "train.py",
    "search_space": {},
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_another_program_is_told_what_it_is_here(data: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=rf"sweep.yaml: {name} is no field of a sweep; .*`"):
        read_spec({"recipe": "tests.support.fakes:Curves", "data": str(data), name: FIELDS[name]}, "sweep.yaml")


@pytest.mark.parametrize(("value", "example"), [(0.5, "0.5"), ("high", "high"), ([0.1, 0.2], "VALUE")])
def test_a_setting_of_the_recipe_outside_of_set_is_told_its_place(data: Path, value: Any, example: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_spec({"recipe": "tests.support.fakes:Curves", "data": str(data), "quality": value}, "sweep.yaml")
    assert str(error.value) == (
        "sweep.yaml: quality is a setting of tests.support.fakes:Curves, no field of a sweep; it belongs in set, "
        f"such as set: {{quality: {example}}}"
    )


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"min": 0.1, "max": 0.9}, "set.quality.min is another program's word; write {low: 0.1, high: 0.9}"),
        ({"distribution": "log_uniform_values", "min": 0.1, "max": 0.9}, "write {low: 0.1, high: 0.9, log: true}"),
        ({"values": [0.1, 0.2]}, "set.quality.values is another program's word; write the list itself: [0.1, 0.2]"),
        ({"value": 0.1}, "write the value itself: 0.1"),
        ("suggest_float(1e-5, 1e-2, log=True)", "write {low: 1e-5, high: 1e-2, log: true} for a range"),
        ("tune.loguniform(1e-5, 1e-2)", "write {low: 1e-5, high: 1e-2, log: true} for a range"),
        ({"low": 0.1, "hihg": 0.9}, "set.quality.hihg is not known; did you mean 'high'?"),
    ],
)
def test_a_range_of_another_program_is_told_how_it_is_written(data: Path, chosen: Any, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        plan_of(data, set={"quality": chosen})
    assert words in str(error.value)


def test_a_pair_of_numbers_for_a_number_is_asked_about() -> None:
    with pytest.raises(SettingsError) as error:
        check_pairs({"quality": [0.9, 0.1]}, CurveSettings)
    asked = str(error.value)
    assert "set.quality is [0.9, 0.1]: two values, or a range?" in asked
    assert "{low: 0.1, high: 0.9}" in asked
    assert "{choices: [0.9, 0.1]}" in asked


@pytest.mark.parametrize(
    "choices", [{"quality": [0.1, 0.5, 0.9]}, {"depth": [1, 2]}, {"quality": {"choices": [0.1, 1]}}]
)
def test_what_can_be_read_in_one_way_is_not_asked_about(data: Path, choices: dict[str, Any]) -> None:
    check_pairs(choices, CurveSettings)
    assert make_plan(plan_of(data, set=choices).spec).ranges


@pytest.mark.parametrize(
    ("name", "valid", "hint"),
    [
        ("learning_rate", ["lr", "dropout"], "lr"),
        ("learning_rate", ["lr0", "lrf"], "lr0"),
        ("batch_size", ["batch", "box"], "batch"),
        ("imgsz", ["image_size", "flip"], "image_size"),
        ("img_size", ["imgsz", "mosaic"], "imgsz"),
        ("wd", ["weight_decay", "warmup"], "weight_decay"),
        ("drop-rate", ["dropout", "depth"], "dropout"),
    ],
)
def test_a_near_name_is_the_one_that_means_the_same(name: str, valid: list[str], hint: str) -> None:
    assert nearest(name, valid).startswith(f"did you mean {hint!r}?")
