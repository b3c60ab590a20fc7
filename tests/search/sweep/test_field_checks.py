"""What a new sweep is refused for because it is wrong for its recipe, though each field is right alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from search.sweep.field_checks import check_new
from search.sweep.plan import Plan, make_plan
from search.sweep.spec import read_spec
from tests.support.fakes import Curves, plan_of
from trainables import registry
from trainables.errors import SettingsError
from trainables.objective import Reports


class Frank(Curves):
    """Curves that say which metrics they report."""

    reports: ClassVar[Reports] = {"score": "max", "error": "min", "score/*": "max", "seen": None}


FRANK = f"{__name__}:Frank"


def new_plan(data: Path, **fields: Any) -> Plan:
    values = {"name": "sweep", "recipe": FRANK, "preset": "short", "data": str(data)}
    return make_plan(read_spec(values | fields, "sweep.yaml"))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"metric": {"name": "scor", "mode": "max"}}, "metric: curves reports no 'scor'; did you mean 'score'?"),
        ({"metric": {"name": "error", "mode": "max"}}, "lower values of error are better; give mode: min, or leave"),
        ({"metric": {"name": "score", "mode": "min"}}, "higher values of score are better; give mode: max, or leave"),
        ({"metric": {"name": "score/cow", "mode": "min"}}, "higher values of score/cow are better"),
        (
            {"metric": {"name": "both", "mode": "max", "sum": {"score": 1.0, "error": 0.5}}},
            "metric.sum: lower values of error are better; give it the weight -0.5",
        ),
        (
            {"metric": {"name": "both", "mode": "max", "sum": {"score": 1.0, "eror": -0.5}}},
            "curves reports no 'eror'; did you mean 'error'?",
        ),
        ({"targets": ["scoer >= 0.5"]}, "targets has 'scoer >= 0.5': curves reports no 'scoer'; did you mean 'score'?"),
        ({"targets": ["error >= 0.5"]}, "targets has 'error >= 0.5', but lower values of error are better; write <="),
        ({"targets": ["val >= 0.5"]}, "lower values of val are better; write <="),
        ({"metric": {"name": "hota", "mode": "max"}}, "metric is 'hota', which is of objects that are followed"),
        (
            {"scheduler": "freeze_thaw", "sampler": "tpe"},
            "sampler is tpe, but scheduler: freeze_thaw chooses settings by its own model; leave sampler out",
        ),
    ],
)
def test_what_only_the_first_epoch_would_tell_is_refused(data: Path, fields: dict[str, Any], sentence: str) -> None:
    plan = new_plan(data, **fields)
    with pytest.raises(SettingsError) as refused:
        check_new(plan)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"metric": {"name": "error"}},
        {"metric": {"name": "score", "mode": "max"}},
        {"metric": {"name": "score/cow"}},
        {"metric": {"name": "seen", "mode": "min"}},
        {"metric": {"name": "both", "mode": "min", "sum": {"score": -1.0, "error": 0.5}}, "targets": ["both <= 0.1"]},
        {"targets": ["score >= 0.5", "train/box <= 0.1", "seen <= 3"]},
        {"recipe": "tests.support.fakes:Curves", "metric": {"name": "scor", "mode": "max"}, "targets": ["x >= 1"]},
        {"scheduler": "freeze_thaw"},
    ],
    ids=str,
)
def test_what_is_reported_is_accepted_and_so_is_anything_of_a_recipe_that_does_not_say(
    data: Path, fields: dict[str, Any]
) -> None:
    check_new(new_plan(data, **fields))


def test_which_values_are_better_need_not_be_said_where_it_is_known(data: Path) -> None:
    assert new_plan(data, metric={"name": "error"}).recipe.mode == "min"


def test_the_recipes_own_metric_has_the_recipes_own_mode(data: Path) -> None:
    with pytest.raises(SettingsError, match="higher values of score are better"):
        check_new(plan_of(data, metric={"name": "score", "mode": "min"}))


def test_a_misspelt_metric_without_a_mode_is_told_as_such(data: Path) -> None:
    with pytest.raises(SettingsError, match=r"^metric: curves reports no 'eror'; did you mean 'error'\?"):
        new_plan(data, metric="eror")


def test_a_metric_of_tracks_without_them_is_told_what_to_add(data: Path) -> None:
    for recipe in (FRANK, "tests.support.fakes:Curves"):
        with pytest.raises(SettingsError, match=r"metric is 'idf1/bytetrack', .*; add `tracks: true`"):
            new_plan(data, recipe=recipe, metric="idf1/bytetrack")


def test_a_seed_among_the_settings_would_make_fresh_seeds_the_same(data: Path) -> None:
    with pytest.raises(SettingsError, match=r"^set.seed is 5, but .* fresh seeds, .*; give it as the sweep's"):
        check_new(plan_of(data, set={"seed": 5}))
    check_new(plan_of(data, set={"seed": 5}, confirm_top=0))


@pytest.mark.parametrize("recipe", sorted(registry.BUILT_IN))
def test_gpus_are_not_reserved_for_trainings_that_are_told_to_stay_on_the_cpu(data: Path, recipe: str) -> None:
    sweep = {"recipe": recipe, "preset": "tiny", "gpus": "auto"}
    sentence = "gpus is auto, but device is cpu \\(by preset tiny\\), so no training would use a GPU"
    with pytest.raises(SettingsError, match=sentence):
        check_new(new_plan(data, **sweep))
    check_new(new_plan(data, **sweep, set={"device": None if recipe == "ultralytics" else "auto"}))
    with pytest.raises(SettingsError, match=r"device is cpu \(by set\)"):
        check_new(
            new_plan(data, **sweep | {"preset": "paper" if recipe != "ultralytics" else "tiny"}, set={"device": "cpu"})
        )
    check_new(new_plan(data, **sweep | {"gpus": 0}))
