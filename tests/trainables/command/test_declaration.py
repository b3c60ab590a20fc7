"""What a sweep file declares about a script: every mistake is named before anything runs."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.check import describe
from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec, read_spec
from spaces.registry import find as find_space
from spaces.space import ranges
from tests.trainables.command.scripts import METRIC, declaration, script
from trainables.command.arguments import Run, arguments_file, command_line
from trainables.command.checkpoints import RunState, write_state
from trainables.command.declaration import ArgumentsFile
from trainables.errors import SettingsError
from trainables.recipe import AnyRecipe
from trainables.start import start_settings

LR = {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}
OPTIMIZER = {"choices": ["sgd", "adamw"], "default": "sgd"}
MOMENTUM = {"low": 0.6, "high": 0.98, "default": 0.9, "when": {"optimizer": "sgd"}}


def line(recipe: AnyRecipe, folder: str = "/run", **settings: Any) -> list[str]:
    """The command line of a training, without the program."""
    declared = recipe.declaration  # type: ignore[attr-defined]
    values = recipe.settings("declared", settings).model_dump()
    return command_line(declared, values, Run(Path(folder), "/data", Path()))[1:]


def command(*words: str, **fields: Any) -> AnyRecipe:
    return script(command=["train", *words], **fields)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"command": ["train"]}, r"parameters.lr: lr is sampled, but never passed; add \$\{args\} or \$\{param.lr\}"),
        (
            {"command": ["train", "${dat}", "${args}"]},
            r"command: \$\{dat\} is no placeholder here; did you mean 'data'",
        ),
        ({"command": ["train", "${data}", "${args}"]}, r"\$\{data\} is used, but the sweep names no data"),
        (
            {"command": ["train", "x=${args}"]},
            r"\$\{args\} becomes many arguments, so it must be",
        ),
        ({"command": ["train", "${args}", "${run_dir"]}, r"has a placeholder without its end"),
        ({"args": "--{nam}={value}"}, r"args: \{nam\} is not known; did you mean 'name'\?"),
        ({"args": "--{name}"}, r"args is '--\{name\}'; it must have \{value\}"),
        ({"metric": {"name": "a", "mode": "max"}}, r"metric.source is missing; it says where the script writes"),
        ({"metric": {**METRIC, "mode": None}}, r"metric is 'accuracy'; say whether higher or lower values are better"),
        ({"metric": {**METRIC, "source": {"csv": "log.csv"}}}, r"metric.source.csv is log.csv, which all trials would"),
        (
            {"metric": {**METRIC, "source": {"csv": "${run_dir}/a", "jsonl": "b"}}},
            r"one of .*; csv and jsonl are",
        ),
        ({"checkpoint": {"path": "last.pt"}}, r"checkpoint.path' is 'last.pt'; it must begin with"),
        ({"parameters": {"lr": {"low": 1, "default": 2}}}, r"parameters.lr: high is missing; give both bounds"),
        ({"parameters": {"lr": {"low": 2, "high": 1, "default": 2}}}, r"low 2 is above high 1"),
        ({"parameters": {"lr": {**LR, "low": 0}}}, r"low is 0; a logarithmic range must begin above 0"),
        (
            {"parameters": {"lr": {"low": "1", "high": 2, "default": 2}}},
            r"parameters.lr.low' is '1'; it must be a number",
        ),
        ({"parameters": {"lr": {"low": 1, "high": 2}}}, r"default is missing; it is the baseline's value"),
        (
            {"parameters": {"lr": [1e-3, 1e-2]}},
            r"'parameters.lr.value' is \[0.001, 0.01\]; it must be one value; several to choose from are \{choices: ",
        ),
        (
            {"parameters": {"day": {"choices": [date(2024, 1, 1)], "default": "x"}}},
            r"is datetime.date\(2024, 1, 1\); it must be a number, true, false or a text, in quotes if it looks like a",
        ),
        ({"parameters": {"lr": {"lo": 1}}}, r"unknown setting 'parameters.lr.lo'; did you mean 'low'\?"),
        ({"parameters": {"opt": {**OPTIMIZER, "default": "adam"}}}, r"default is 'adam'; it must be one of"),
        (
            {"parameters": {"aug": {"choices": [1, 2], "default": 1, "flag": "bare"}}},
            r"flag: bare is for true",
        ),
        ({"parameters": {"seed": 1}}, r"parameters.seed: \$\{seed\} is something else in the command"),
        ({"parameters": {"copy": 1}}, r"parameters.copy: cannot be a name here"),
        ({"parameters": {"m": MOMENTUM}}, r"parameters.m.when.optimizer: no such parameter"),
        ({"parameters": {"m": MOMENTUM, "optimizer": 3}}, r"optimizer has no choices, so nothing can depend on it"),
        (
            {"parameters": {"m": {**MOMENTUM, "when": {"optimizer": "lamb"}}, "optimizer": OPTIMIZER}},
            "'lamb'; it must",
        ),
        (
            {"parameters": {"m": {**MOMENTUM, "when": {"optimizer": []}}, "optimizer": OPTIMIZER}},
            r"parameters.m.when.optimizer is an empty list, so m would never be passed",
        ),
        (
            {"parameters": {"lr": {**LR, "high": 10**400}}},
            r"parameters.lr.high' is 1000.*; it must be a number, and fini",
        ),
        ({"parameters": {"lr": {**LR, "default": 10**400}}}, r"default is 1000.*; it must be a number"),
        ({"command": None}, r"recipe command: command is missing"),
    ],
)
def test_a_wrong_declaration_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        script(**fields)


def test_parameters_that_depend_on_each_other_in_a_circle_are_refused() -> None:
    a = {"choices": [1, 2], "default": 1, "when": {"b": 1}}
    with pytest.raises(SettingsError, match="parameters: a, b depend on each other in a circle"):
        script(parameters={"a": a, "b": {**a, "when": {"a": 1}}})


def test_the_space_follows_the_conditions() -> None:
    recipe = script(parameters={"momentum": MOMENTUM, "optimizer": OPTIMIZER, "lr": LR, "width": 3})
    searched = ranges(find_space(recipe))
    assert {name: str(span) for name, span in searched.items()} == {
        "optimizer": "sgd | adamw",
        "lr": "0.0001 … 1 (log)",
        "momentum": "0.6 … 0.98",
    }
    assert searched["momentum"].when == "optimizer is sgd"


def test_every_parameter_is_passed_as_declared() -> None:
    flag = {"choices": [True, False], "default": True, "flag": "bare"}
    parameters = {
        "optimizer": OPTIMIZER,
        "momentum": MOMENTUM,
        "aug": flag,
        "wd": {"value": 1e-4, "args": "-w {value}"},
    }
    recipe = command("--out", "${run_dir}", "${args}", parameters=parameters)
    assert line(recipe) == ["--out", "/run", "--optimizer=sgd", "--aug", "-w", "0.0001", "--momentum=0.9"]
    assert line(recipe, optimizer="adamw", aug=False) == ["--out", "/run", "--optimizer=adamw", "-w", "0.0001"]
    assert recipe.settings("declared", {"optimizer": "adamw"}).model_dump()["momentum"] is None


def test_other_ways_of_passing() -> None:
    assert line(command("${args}", args="--{name} {value}")) == ["--lr", "0.01"]
    assert line(command("${args}", "model.lr=${param.lr}", args="{name}={value}")) == ["model.lr=0.01"]
    assert line(command("${resume}", "${args}", "last")) == ["--lr=0.01", "last"]


def test_a_value_with_spaces_and_quotes_stays_one_argument() -> None:
    recipe = command("${args}", parameters={"name": {"choices": ["a b; rm -rf 'x'"], "default": "a b; rm -rf 'x'"}})
    assert line(recipe) == ["--name=a b; rm -rf 'x'"]


def test_a_command_may_be_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "/here")
    recipe = script(command="train --note 'two words' ${env:HERE} ${args}")
    assert line(recipe) == ["--note", "two words", "/here", "--lr=0.01"]
    monkeypatch.delenv("HERE")
    with pytest.raises(SettingsError, match=r"the environment has no HERE"):
        line(recipe)


@pytest.mark.parametrize("suffix", ["yaml", "json", "toml"])
def test_parameters_are_written_on_top_of_a_file(tmp_path: Path, suffix: str) -> None:
    base = tmp_path / f"base.{suffix}"
    empty = ArgumentsFile(file=f"p.{suffix}")
    base.write_text(
        arguments_file(empty, None, {"model.depth": 2, "model.lr": 1.0, "name": 'say "hi"', "sizes.a": True})
    )
    loaders: dict[str, Callable[[str], Any]] = {"yaml": yaml.safe_load, "json": json.loads, "toml": tomllib.loads}
    written = loaders[suffix](arguments_file(empty, base, {"model.lr": 0.5}))
    assert written == {"model": {"depth": 2, "lr": 0.5}, "name": 'say "hi"', "sizes": {"a": True}}
    with pytest.raises(SettingsError, match=r"parameters.name.x: name is no mapping in"):
        arguments_file(empty, base, {"name.x": 1})


# --- the sweep file ------------------------------------------------------------------------------------------------


def sweep(**fields: Any) -> SweepSpec:
    return read_spec({"name": "a", "recipe": "command", **declaration(), **fields}, "sweep.yaml")


def test_settings_are_pinned_and_narrowed_as_in_any_sweep() -> None:
    plan = make_plan(sweep(set={"lr": {"high": 0.1}, "epochs": 3}))
    assert str(plan.ranges["lr"]) == "0.0001 … 0.1 (log)"
    assert plan.max_epochs == 3
    assert plan.named == (("defaults", {"epochs": 3, "seed": 0, "lr": 0.01}),)
    with pytest.raises(SettingsError, match=r"command: unknown setting 'lr2'; did you mean 'lr'\?"):
        make_plan(sweep(set={"lr2": 1}))


def test_epochs_are_those_of_a_training_and_total_epochs_the_budget() -> None:
    assert (sweep().epoch_budget, sweep(total_epochs=40).epoch_budget) == (None, 40)
    other = read_spec({"name": "a", "recipe": "yolox", "data": "d", "epochs": 40}, "sweep.yaml")
    assert other.epoch_budget == 40


def test_a_script_that_cannot_resume_is_stopped_and_never_paused() -> None:
    plan = make_plan(sweep(checkpoint=None))
    assert plan.spec.scheduler == "stopping"
    assert any("trials are stopped, never paused" in note for note in plan.recipe.notes)
    assert make_plan(sweep()).spec.scheduler == "asha"
    with pytest.raises(SettingsError, match="scheduler is asha, which pauses trials, but a training of command cannot"):
        make_plan(sweep(checkpoint=None, scheduler="asha"))


def test_a_script_without_a_seed_is_told_of() -> None:
    recipe = script(command=["train", "${epochs}", "${args}"])
    assert recipe.notes[0].startswith("The script takes no seed")


def test_true_and_false_as_words_of_an_option_are_told() -> None:
    aug = {"choices": [True, False], "default": True}
    parameters = {"aug": aug, "ema": {"value": True, "args": "--ema {value}"}, "lr": LR}
    (note,) = [note for note in command("${args}", parameters=parameters).notes if "type=bool" in note]
    assert note.startswith("--aug=true/false and --ema true/false: argparse's type=bool takes false for true.")
    silent = (
        command("${args}", parameters={"aug": {**aug, "flag": "bare"}, "lr": LR}),
        command("${args}", args="{name}={value}", parameters={"aug": aug}),  # Hydra's overrides
        command("${args_file}", parameters={"aug": aug}, args_file={"file": "p.yaml"}),
        command("${args}"),
    )
    assert not any("type=bool" in note for recipe in silent for note in recipe.notes)


def test_a_name_of_the_epoch_that_nothing_reads_is_told() -> None:
    def notes(**source: str) -> str:
        return " ".join(script(metric={**METRIC, "source": source}).notes)

    assert "metric.source.epoch is not used: tensorboard says by itself which epoch" in notes(
        tensorboard="${run_dir}", epoch="epoch"
    )
    assert "metric.source.epoch" not in notes(csv="${run_dir}/a.csv", epoch="step") + notes(tensorboard="${run_dir}")


def test_a_sweep_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    spec = sweep(directory=os.fspath(tmp_path))
    assert read_spec(yaml.safe_load(spec.dump()), "sweep.yaml") == spec


def test_what_is_for_scripts_is_refused_for_other_recipes() -> None:
    spec = read_spec({"name": "a", "recipe": "yolox", "data": "d", "command": ["x"]}, "sweep.yaml")
    with pytest.raises(SettingsError, match="command is for `recipe: command`, not for yolox; leave it out"):
        make_plan(spec, training=False)


def test_the_recipe_without_a_declaration_says_where_it_is_declared() -> None:
    from trainables.registry import find

    with pytest.raises(SettingsError, match="recipe 'command' is declared in a sweep file"):
        find("command").open(Path())


def test_sharing_a_gpu_by_measurement_is_refused() -> None:
    with pytest.raises(SettingsError, match="gpus is auto, which measures the memory of this program's own trainings"):
        make_plan(sweep(gpus="auto"))


def test_what_must_be_on_every_node_is_the_folder_and_the_files_that_the_command_names(tmp_path: Path) -> None:
    for name in ("train.py", "base.yaml"):
        (tmp_path / name).touch()
    fields = declaration(
        command=["python", "train.py", "--config", "${args_file}", "--out", "${run_dir}", "--name", "absent.py"],
        args_file={"file": "used.yaml", "base": "base.yaml"},
        directory=str(tmp_path),
    )
    spec = read_spec({"recipe": "command", "name": "own", **fields}, "sweep.yaml")
    assert spec.script_files == [tmp_path, tmp_path / "train.py", tmp_path / "base.yaml"]
    assert read_spec({"recipe": "resnet_yolo", "data": "d", "name": "own"}, "sweep.yaml").script_files == []


def test_two_gpus_for_one_training_are_a_scripts_own_affair() -> None:
    assert make_plan(sweep(gpus=2)).spec.gpus == 2


def test_check_says_that_a_script_is_not_sent_to_a_cluster(tmp_path: Path) -> None:
    fields = declaration(directory=str(tmp_path))
    values = {"recipe": "command", "name": "own", **fields}
    told = {
        where: list(map(str, describe(make_plan(read_spec(values | more, "sweep.yaml")))))
        for where, more in (("here", {}), ("there", {"address": "10.0.0.1:6379"}))
    }
    sentence = f"The script is not sent to the nodes: {tmp_path} must be there on every node of 10.0.0.1:6379."
    assert sentence in told["there"]
    assert not any("is not sent" in line for line in told["here"])


def test_a_script_starts_from_an_earlier_ones_checkpoint_by_the_parameter_that_is_named(tmp_path: Path) -> None:
    declared = {"path": "${run_dir}/last*.pt", "start": "init"}
    recipe = command("${args}", parameters={"lr": LR, "init": "none"}, checkpoint=declared)
    assert start_settings(recipe, tmp_path) == {"init": str(tmp_path / "last*.pt")}
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    write_state(checkpoint, RunState(3, {}, {}, 1, "last-3.pt", 0, []))
    start = start_settings(recipe, tmp_path)
    assert start == {"init": str(tmp_path / "last-3.pt")}
    assert f"--init={tmp_path}/last-3.pt" in line(recipe, **start)


def test_a_script_that_does_not_say_how_it_starts_from_a_checkpoint_cannot_be_a_later_stage(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"checkpoint\.start is missing; it names the parameter"):
        start_settings(command("${args}", checkpoint={"path": "${run_dir}/last.pt"}), tmp_path)
    with pytest.raises(SettingsError, match=r"checkpoint\.start is weight; no such parameter"):
        command("${args}", parameters={"lr": LR}, checkpoint={"path": "${run_dir}/last.pt", "start": "weight"})
