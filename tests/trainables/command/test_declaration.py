"""What a sweep file declares about a script: every mistake is named before anything runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from spaces.registry import find as find_space
from spaces.space import ranges
from tests.trainables.command.scripts import METRIC, command, line, script
from trainables.command.arguments import arguments_file
from trainables.command.declaration import ArgumentsFile
from trainables.errors import SettingsError

LR = {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}
OPTIMIZER = {"choices": ["sgd", "adamw"], "default": "sgd"}
MOMENTUM = {"low": 0.6, "high": 0.98, "default": 0.9, "when": {"optimizer": "sgd"}}


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
