"""Each field of a sweep is an option of `launch`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from search.cli.app import app
from search.cli.launch import launch
from search.cli.sweep_options import WITHOUT_OPTION, field_values
from search.sweep.spec import SweepSpec
from search.sweep.sweep_file import read_sweep
from trainables.errors import SettingsError


def test_options_become_the_sweep(data: Path) -> None:
    arguments = {
        "name": "a",
        "recipe": "tests.support.fakes:Curves",
        "data": str(data),
        "trials": 5,
        "hours": None,
        "enqueue": [],
        "gpus": "0.5",
        "set": ["quality={low: 1e-2, high: 0.5}", "depth=2"],
        "stability": ["train_factor=2.5"],
        "limits": ["epoch_seconds=30"],
    }
    spec = read_sweep(None, field_values(arguments))
    assert spec.set == {"quality": {"low": 0.01, "high": 0.5}, "depth": 2}
    assert spec.stability.train_factor == 2.5
    assert (spec.trials, spec.hours, spec.enqueue, spec.gpus) == (5, None, None, 0.5)
    assert spec.limits["epoch_seconds"].high == 30


def test_options_override_the_file(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        f"name: a\nrecipe: tests.support.fakes:Curves\ndata: {data}\ntrials: 9\nconfirm_top: 2\n"
        "set: {depth: 1, noise: 0.1}\nstability: {train_epochs: 4, train_factor: 3}\n"
    )
    fields = {"trials": 5, "confirm_top": 0, "set": {"depth": 2}, "stability": {"train_factor": 2.5}}
    spec = read_sweep(file, fields)
    assert (spec.trials, spec.confirm_top) == (5, 0)
    assert spec.set == {"depth": 2, "noise": 0.1}
    assert (spec.stability.train_epochs, spec.stability.train_factor) == (4, 2.5)


@pytest.mark.parametrize("recipe", ["tests.support.fakes:Curves", "some.deep.fakes:Curves"])
def test_a_sweep_without_a_name_is_named_after_recipe_and_time(recipe: str) -> None:
    spec = read_sweep(None, {"recipe": recipe, "data": "x"})
    assert spec.name.startswith("fakes-20")


def test_a_file_whose_set_is_no_mapping_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("name: a\nset: [lr]\n")
    with pytest.raises(SettingsError, match=r"set is \['lr'\]; it must be a mapping of names to values"):
        read_sweep(file, {"set": {"lr": 1}})


def test_each_field_of_a_sweep_is_an_option_of_launch_in_the_fields_words() -> None:
    output = CliRunner().invoke(app, ["launch", "--help"]).output
    names = re.findall(r"^  (--[a-z-]+)", output, re.MULTILINE)
    generated = [f"--{field.replace('_', '-')}" for field in SweepSpec.model_fields if field not in WITHOUT_OPTION]
    assert names == [*generated, "--detach", "--background", "--sweeps", "--help"]
    unwrapped = re.sub(r"\s", "", output)
    for name, field in SweepSpec.model_fields.items():
        assert field.description, f"{name} has no description"
        words = re.sub(r"\[[^]]*\]\((.*)\)", r"docs/\1", field.description)  # a terminal has no links
        assert name in WITHOUT_OPTION or re.sub(r"\s", "", words) in unwrapped


def test_options_of_launch_take_what_the_fields_take() -> None:
    """Numbers as numbers, everything else as text; lists and mappings by repeating the option."""
    parameters = inspect.signature(launch).parameters
    options = [name for name in SweepSpec.model_fields if name not in WITHOUT_OPTION]
    types = {name: get_args(parameters[name].annotation)[0] for name in options}
    assert (types["trials"], types["hours"]) == (int | None, float | None)
    assert {types[name] for name in ("sampler", "also", "gpus", "data")} == {str | None}
    assert {types[name] for name in ("enqueue", "warm_start", "set", "stability", "limits")} == {list[str] | None}
