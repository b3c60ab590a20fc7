from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.pruning.stability import StabilitySettings
from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec, read_spec
from spaces.value_range import Range
from tests.support.fakes import Curves, plan_of, spec_of
from trainables import registry
from trainables.errors import DataError, SettingsError, SteadytuneError
from trainables.settings import read_yaml


def complaint(data: Path, **fields: Any) -> str:
    """What is said about a sweep with these fields: one sentence."""
    with pytest.raises(SteadytuneError) as caught:
        plan_of(data, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- what a sweep is ---------------------------------------------------------------------------------------------


def test_a_plan_has_all_that_follows_from_the_sweep(data: Path) -> None:
    plan = plan_of(data)
    assert isinstance(plan.recipe, Curves)
    assert plan.max_epochs == 4
    assert [name for name, _ in plan.named] == ["steady"]
    assert plan.ranges == {
        "quality": Range("float", 0.01, 1.0, log=True),
        "shape": Range("choice", choices=("fast", "slow")),
        "depth": Range("int", 1, 3),
        "noise": Range("float", 0.0, 0.1, when="depth > 1"),
    }


@pytest.mark.parametrize(("preset", "grace"), [("short", 1), ("long", 3)])
def test_the_first_rung_lies_at_a_tenth_of_a_training(data: Path, preset: str, grace: int) -> None:
    assert plan_of(data, preset=preset).grace_epochs == grace
    assert plan_of(data, preset=preset, grace_epochs=2).grace_epochs == 2


def test_named_trainings_run_first_with_the_users_pins(data: Path) -> None:
    plan = plan_of(data, enqueue=["wild", "steady"], set={"noise": 0.5})
    assert [(name, values["diverge_at"], values["noise"]) for name, values in plan.named] == [
        ("wild", 2, 0.5),
        ("steady", 0, 0.5),
    ]


def test_nothing_needs_to_be_enqueued(data: Path) -> None:
    assert plan_of(data, enqueue=[]).named == ()


def test_a_pinned_value_reaches_the_settings_and_is_not_drawn(data: Path) -> None:
    plan = plan_of(data, set={"depth": 4, "diverge_at": 3})
    assert "depth" not in plan.ranges
    values = plan.settings({"quality": 0.25}, seed=5).model_dump()
    assert (values["depth"], values["diverge_at"], values["quality"], values["seed"]) == (4, 3, 0.25, 5)


def test_a_size_is_pinned_by_a_list_and_one_of_the_wrong_length_is_named(data: Path) -> None:
    plan = plan_of(data, recipe="slowfast", preset="tiny", enqueue=[], set={"input_size": [64, 96]})
    assert plan.settings({}, seed=0).model_dump()["input_size"] == (64, 96)
    text = complaint(data, recipe="slowfast", preset="tiny", enqueue=[], set={"input_size": [64, 96, 3]})
    assert "input_size" in text
    plan = plan_of(data, recipe="slowfast", preset="tiny", enqueue=[], set={"alpha": [2, 4]})
    assert plan.ranges["alpha"].choices == (2, 4)


def test_a_pinned_seed_is_the_seed_of_every_trial(data: Path) -> None:
    assert plan_of(data, set={"seed": 77}).settings({}, seed=5).model_dump()["seed"] == 77


def test_a_narrowed_range_keeps_its_scale(data: Path) -> None:
    plan = plan_of(data, set={"quality": {"low": 0.1, "high": 0.5}})
    assert plan.ranges["quality"] == Range("float", 0.1, 0.5, log=True)


def test_one_bound_is_enough(data: Path) -> None:
    assert plan_of(data, set={"quality": {"high": 0.5}}).ranges["quality"] == Range("float", 0.01, 0.5, log=True)


def test_a_range_may_go_beyond_the_recipes_own_as_far_as_the_setting_does(data: Path) -> None:
    assert plan_of(data, set={"depth": {"high": 4}}).ranges["depth"].high == 4


def test_a_list_is_a_choice(data: Path) -> None:
    assert plan_of(data, set={"depth": [1, 4]}).ranges["depth"] == Range("choice", choices=(1, 4))


def test_a_name_that_can_no_longer_be_drawn_is_no_range_of_the_sweep(data: Path) -> None:
    assert "noise" not in plan_of(data, set={"depth": 1}).ranges


# --- what is refused ---------------------------------------------------------------------------------------------


def test_an_unknown_recipe_is_answered_with_the_known_ones(data: Path) -> None:
    sentence = complaint(data, recipe="resnet-yolo")
    assert "unknown recipe 'resnet-yolo'; did you mean 'resnet_yolo'?" in sentence
    assert "or module:Class" in sentence


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ("no_such_module:Thing", "no_such_module cannot be imported (ModuleNotFoundError"),
        ("tests.support.fakes:Curvez", "tests.support.fakes has no 'Curvez'; did you mean 'Curves'?"),
        ("tests.support.fakes:CurveSettings", "it must be a subclass of trainables.recipe.Recipe"),
        ("trainables.recipe:Recipe", "lacks export, open, sample, train; implement every abstract method"),
    ],
)
def test_a_recipe_that_is_none_is_refused(data: Path, recipe: str, sentence: str) -> None:
    assert sentence in complaint(data, recipe=recipe)


def test_a_misspelt_field_is_answered_with_the_nearest(data: Path) -> None:
    assert "unknown setting 'trails'; did you mean 'trials'?" in complaint(data, trails=3)


def test_a_misspelt_threshold_is_answered_with_the_nearest(data: Path) -> None:
    sentence = complaint(data, stability={"train_facto": 3.0})
    assert "unknown setting 'stability.train_facto'; did you mean 'train_factor'?" in sentence


def test_a_misspelt_setting_is_answered_with_the_nearest(data: Path) -> None:
    assert "'qualty'; did you mean 'quality'?" in complaint(data, set={"qualty": 0.5})
    assert "set.qualty is no setting of curves; did you mean 'quality'?" in complaint(
        data, set={"qualty": {"low": 0.5}}
    )


def test_an_unknown_preset_or_training_is_answered_with_the_known_ones(data: Path) -> None:
    assert "curves: unknown preset 'shrt'; did you mean 'short'? valid: long, short" in complaint(data, preset="shrt")
    assert "curves: unknown training 'stedy'; did you mean 'steady'?" in complaint(data, enqueue=["stedy"])


def test_missing_data_comes_with_the_command_that_makes_some(data: Path) -> None:
    with pytest.raises(
        DataError, match=r"no such file or folder: mend the path \(`steadytune sample tests.support.fakes:Curves DIR` w"
    ):
        make_plan(spec_of(data / "nowhere"))
    with pytest.raises(DataError, match=f"data is nowhere; no such file or folder in {Path.cwd()}: mend the path"):
        make_plan(spec_of(Path("nowhere")))


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"quality": {"low": 0.5, "high": 0.1}}, "set.quality: low 0.5 is above high 0.1; low must be at most high"),
        ({"quality": {"low": 2.0}}, "set.quality: low 2 is above high 1"),
        ({"quality": {"low": 0}}, "a logarithmic range must begin above 0"),
        ({"quality": {"lo": 0.1}}, "set.quality.lo is not known; did you mean 'low'?"),
        ({"quality": {"low": "small"}}, "set.quality.low is 'small'; it must be a number"),
        ({"depth": {"low": 1.5}}, "set.depth.low is 1.5; it must be a whole number"),
        ({"depth": {"low": True}}, "set.depth.low is True; it must be a whole number"),
        ({"depth": [1, 2.5]}, "set.depth is [1, 2.5]; every value must be a whole number"),
        ({"quality": ["low", "high"]}, "set.quality is ['low', 'high']; every value must be a number"),
        ({"quality": {"choices": [None, 0.5]}}, "set.quality is [None, 0.5]; every value must be a number"),
        ({"quality": {"choices": [[0.1], [0.5]]}}, "set.quality is [[0.1], [0.5]]; every value must be a number"),
        ({"quality": {"low": 10**400}}, "it must be a number"),
        ({"quality": {"high": math.nan}}, "set.quality.high is nan; it must be a number"),
        ({"depth": {"low": -(10**400)}}, "it must be a whole number"),
        ({"quality": {"choices": 3}}, "set.quality is {'choices': 3}; choices must be a list, and stand alone"),
        ({"quality": {"choices": [0.1, 0.5], "log": True}}, "choices must be a list, and stand alone"),
        ({"weights": {"choices": 3}}, "set.weights is {'choices': 3}; choices must be a list, and stand alone"),
        (
            {"nan_at": {"low": 0, "high": math.inf}},
            "nan_at has no range of its own, so low and high must be whole numbers",
        ),
        (
            {"nan_at": {"low": math.nan, "high": 9}},
            "nan_at has no range of its own, so low and high must be whole numbers",
        ),
        ({"depth": []}, "set.depth is an empty list; give at least one value"),
        ({"shape": {"low": 1}}, "it is one of fast | slow: give a value or a list of values"),
        ({"epochs": {"low": 3, "high": 9}}, "set.epochs gives a range, but epochs is not searched; pin one value"),
        ({"epochs": [1, 2]}, "epochs is not searched; pin one value. searched: quality, shape, depth, noise"),
        ({"diverge_at": [1, 2.5]}, "setting 'diverge_at' is 2.5; it must be a whole number"),
        ({"diverge_at": [-1, 2]}, "setting 'diverge_at' is -1; it must be at least 0"),
        ({"diverge_at": {"low": 1}}, "diverge_at has no range of its own, so low and high must be whole numbers"),
    ],
)
def test_a_range_without_sense_is_refused(data: Path, chosen: dict[str, Any], sentence: str) -> None:
    assert sentence in complaint(data, set=chosen)


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"quality": 1.5}, "'quality' is 1.5; it must be at most 1"),
        ({"quality": "0.5"}, "'quality' is '0.5'; it must be a number"),
        ({"quality": {"high": 1.5}}, "'quality' is 1.5; it must be at most 1"),
        ({"quality": [0.5, 1.5]}, "'quality' is 1.5; it must be at most 1"),
        ({"depth": {"low": 0}}, "'depth' is 0; it must be at least 1"),
        ({"depth": {"high": 5}}, "'depth' is 5; it must be at most 4"),
        ({"shape": ["fast", "medium"]}, "'shape' is 'medium'; it must be 'fast' or 'slow'"),
        ({"noise": {"high": 2}}, "'noise' is 2.0; it must be at most 1"),
    ],
)
def test_every_bound_must_be_a_legal_setting(data: Path, chosen: dict[str, Any], sentence: str) -> None:
    assert sentence in complaint(data, set=chosen)


@pytest.mark.parametrize("recipe", sorted(registry.BUILT_IN))
@pytest.mark.parametrize("preset", ["tiny", "paper"])
def test_each_of_our_recipes_can_be_swept(recipe: str, preset: str, data: Path) -> None:
    """A setting that is legal only beside another (refdet's triplets in stage 3) is drawn only there."""
    assert make_plan(read_spec({"name": "ours", "recipe": recipe, "preset": preset, "data": str(data)}, "ours")).ranges


def test_a_bound_is_judged_under_the_choices_that_it_is_drawn_under(tmp_path: Path) -> None:
    """refdet's triplet_ratio is drawn with triplet batches alone, which the preset does not have."""
    plan = make_plan(SweepSpec(recipe="refdet", preset="tiny", data=str(tmp_path), name="a"))
    assert plan.ranges["triplet_ratio"].under["use_triplet"] is True


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"trials": 0}, "setting 'trials' is 0; it must be greater than 0"),
        ({"trials": "9"}, "setting 'trials' is '9'; it must be a whole number"),
        ({"hours": -1}, "setting 'hours' is -1; it must be greater than 0"),
        ({"reduction_factor": 1}, "setting 'reduction_factor' is 1; it must be greater than 1"),
        ({"sampler": "tpee"}, "setting 'sampler' is 'tpee'; it must be 'rank_gp', 'tpe', 'tpe_univariate', 'random'"),
        ({"name": "../up"}, "it must be letters, digits"),
        ({"name": ""}, "it must be letters, digits"),
        ({"name": "a" * 65}, "at most 64"),
        ({"grace_epochs": 5}, "grace_epochs is 5; it must be at most the 4 epochs of a training"),
        ({"enqueue": ["steady", "wild"], "trials": 1}, "trials is 1; it must be at least the 2 enqueued trainings"),
        ({"hours": float("nan")}, "setting 'hours' is nan; it must be"),
    ],
)
def test_a_field_out_of_its_range_is_refused(data: Path, fields: dict[str, Any], sentence: str) -> None:
    assert sentence in complaint(data, **fields)


def test_a_missing_field_is_named(data: Path) -> None:
    with pytest.raises(SettingsError, match=r"sweep.yaml: data is missing: data is the data set"):
        read_spec({"name": "a", "recipe": "tests.support.fakes:Curves"}, "sweep.yaml")


# --- sweep files -------------------------------------------------------------------------------------------------


def test_a_sweep_written_down_and_read_again_is_the_same(data: Path, tmp_path: Path) -> None:
    spec = spec_of(
        data,
        set={"quality": {"low": 1e-5}, "depth": [1, 2], "shape": "fast", "noise": 1e-7},
        hours=0.5,
        enqueue=[],
        stability={"train_factor": 3.0},
    )
    file = tmp_path / "sweep.yaml"
    file.write_text(spec.dump(), encoding="utf-8")
    assert read_spec(read_yaml(file), str(file)) == spec
    assert read_spec(yaml.safe_load(spec.dump()), "any YAML reader").stability == StabilitySettings(train_factor=3.0)


def test_numbers_may_be_written_as_people_write_them(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("set: {quality: {low: 1e-3, high: 5E-1}, noise: 1.e-2}\n")
    plan = plan_of(data, **read_yaml(file))
    assert plan.ranges["quality"] == Range("float", 0.001, 0.5, log=True)
    assert plan.pins == {"noise": 0.01}


def test_a_sweep_cannot_be_changed() -> None:
    spec = SweepSpec(name="a", recipe="b", data="c")
    with pytest.raises(ValueError, match="frozen"):
        spec.trials = 3  # type: ignore[misc]


def test_the_sampler_gp_needs_torch(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_of(data, sampler="gp")
    monkeypatch.setattr("search.sweep.plan.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"sampler is gp, .* needs torch; pip install torch, or give tpe"):
        plan_of(data, sampler="gp")


def test_a_recipe_may_try_more_than_its_baseline_first(tmp_path: Path) -> None:
    """Ultralytics' `yolo train` and its `model.tune` start from different optimizers."""

    def named(**fields: Any) -> list[str]:
        values = {"recipe": "ultralytics", "name": "a", "data": str(tmp_path), "preset": "tiny", **fields}
        return [name for name, _ in make_plan(read_spec(values, "test"), training=False).named]

    assert named() == ["defaults", "adamw"]
    assert named(trials=1) == ["defaults"]
    assert named(set={"optimizer": "SGD"}) == ["defaults"], "both would be the same training"
    assert named(enqueue=["adamw"]) == ["adamw"]
    assert named(enqueue=[]) == []
