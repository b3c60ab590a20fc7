"""What a sweep file over a script says of trials, budget, GPUs, clusters and stages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.check import describe
from search.sweep.plan import make_plan
from search.sweep.spec import SweepSpec, read_spec
from tests.trainables.command.scripts import METRIC, command, declaration, line, script
from trainables.command.checkpoints import RunState, write_state
from trainables.errors import SettingsError
from trainables.start import start_settings

LR = {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}


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
