from __future__ import annotations

from pathlib import Path

import pytest

from search.sweep.targets import Target, parse_target
from tests.support.fakes import plan_of
from trainables.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("map50_95 >= 0.45", Target("map50_95", ">=", "", 0.45)),
        ("map50_95>=.45", Target("map50_95", ">=", "", 0.45)),
        ("val <= 1e-1", Target("val", "<=", "", 0.1)),
        ("gap >= -0.5", Target("gap", ">=", "", -0.5)),
        ("ap50/traffic light >= 0.3", Target("ap50/traffic light", ">=", "", 0.3)),
        ("map50_95 >= rgb-only + 0.02", Target("map50_95", ">=", "rgb-only", 0.02)),
        ("val <= rgb-only - 0.02", Target("val", "<=", "rgb-only", -0.02)),
        ("map50_95 >= baseline", Target("map50_95", ">=", "baseline", 0.0)),
    ],
)
def test_a_target_is_read_as_it_is_written(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    "text",
    ["", "map50", "map50 > 0.4", "map50 >=", ">= 0.4", "map50 >= a b", "map50 >= base + x", "map50 >= base + nan"],
)
def test_what_is_no_target_is_refused_in_one_sentence(data: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"^test: targets: has .*such as 'map50_95 >= 0.45'") as refused:
        plan_of(data, targets=[text])
    assert "\n" not in str(refused.value)


def test_a_target_names_a_training_of_the_sweep(data: Path) -> None:
    assert plan_of(data, targets=["score >= steady + 0.1"]).targets == (Target("score", ">=", "steady", 0.1),)
    assert plan_of(data, targets=["score >= baseline + 0.1"]).targets == (Target("score", ">=", "steady", 0.1),)
    with pytest.raises(SettingsError, match=r"no training of this sweep is named good: they are steady; add it to enq"):
        plan_of(data, targets=["score >= good + 0.1"])
    assert plan_of(data, enqueue=["steady", "good"], targets=["score >= good"]).targets


def test_ending_at_targets_needs_some(data: Path) -> None:
    with pytest.raises(SettingsError, match="stop_at_targets is true, but the sweep has no targets"):
        plan_of(data, stop_at_targets=True)
