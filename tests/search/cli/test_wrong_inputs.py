"""What people get wrong: each is one sentence on standard error that names what, its value, the rule and the fix.

`LINES` has command lines of every verb; those of a sweep file are in `test_wrong_sweep_files.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.cli.verbs import VERBS
from tests.support.terminal import Steadytune, check_sentence

RECIPE = "tests.support.fakes:Curves"
TRAIN = f"train {RECIPE} --data DATA --preset short --out OUT"
RANGES = f"lr-range {RECIPE} --data DATA --preset short --field quality --out OUT"

LINES = {
    # Verbs and options.
    "launhc": "'launhc' is no verb; did you mean 'launch'?",
    "tune": "'tune' is no verb; did you mean 'launch'? `steadytune --help` says what each verb does",
    "version": "'version' is no verb; `steadytune --help` says what each verb does",
    "--trials 3": "--trials is no option of `steadytune`; `steadytune --help` shows",
    "launch --trails 3": "--trails is no option of `steadytune launch`; did you mean '--trials'?",
    "launch FILE --lr0 0.5": "of `steadytune launch`; a setting of the recipe is given as --set NAME=VALUE;",
    "launch FILE lr0=0.01": "lr0=0.01 is one argument too many; a setting of the recipe is given as --set NAME=VALUE;",
    "launch --trials many": "--trials is 'many'; it must be a whole number",
    "launch --trials 1.5": "--trials is '1.5'; it must be a whole number",
    "launch --hours soon": "--hours is 'soon'; it must be a number",
    "export sweep --average=yes": "--average takes no value; give it alone",
    f"launch --recipe {RECIPE} --data DATA --preset short --tracks true": "tracks is not for recipe curves",
    f"launch --recipe {RECIPE} --data DATA --limits epoch_seconds": "value, such as --limits epoch_seconds=30",
    "launch --trials": "--trials has no value; give it one",
    "launch FILE FILE": "FILE is one argument too many; `steadytune launch --help` shows",
    "check": "SWEEP.yaml is missing; `steadytune check --help` shows",
    f"train {RECIPE}": "--data is missing; `steadytune train --help` shows",
    "explain sweep one --sweeps SWEEPS": "TRIAL is 'one'; it must be a whole number",
    "explain sweep -1 --sweeps SWEEPS": "trials are counted from 0",
    "status sweep more --sweeps SWEEPS": "more is one argument too many",
    "browse --port 99999": "--port is '99999'; it must be at most 65535",
    "browse --port -1": "--port is '-1'; it must be at least 1",
    "browse --port http": "--port is 'http'; it must be a whole number",
    "replay sweep --workers 0": "--workers is '0'; it must be at least 1",
    "prove FOLDER --epochs 0": "--epochs is '0'; it must be at least 1",
    f"{TRAIN} --patience 0": "--patience is '0'; it must be at least 1",
    # What a sweep needs.
    "launch": "recipe and data are missing: recipe is what is trained (`steadytune recipes` lists them), data is",
    "launch --recipe ultralitics": "unknown recipe 'ultralitics'; did you mean 'ultralytics'?",
    f"launch --recipe {RECIPE}": "data is missing: data is the data set (`steadytune sample tests.support.fakes:Curves",
    "launch --data DATA": "recipe is missing: recipe is what is trained",
    "launch FILE": "FILE: recipe and data are missing",
    "check FOLDER": "FOLDER: is a folder; give the YAML file itself",
    "check missing.yaml": "missing.yaml: no such file",
    f"launch --recipe {RECIPE} --data DATA --hours nan": "'hours' is nan; it must be a finite number",
    f"launch --recipe {RECIPE} --data DATA --trials -3": "'trials' is -3; it must be greater than 0",
    f"launch --recipe {RECIPE} --data DATA --seed 4294967296": "'seed' is 4294967296; it must be less than 4294967296",
    f"launch --recipe {RECIPE} --data DATA --preset short --set depth": "--set is 'depth'; it must be name=value",
    # Recipes.
    "train yolo11n --data DATA": "recipe 'yolo11n' is a model of Ultralytics, not a recipe",
    "recipes yolov8s.pt": "recipe 'yolov8s.pt' is a model of Ultralytics, not a recipe",
    "recipes rtdetr-l --json": "recipe 'rtdetr-l' is a model of Ultralytics, not a recipe",
    "sample yolx OUT": "unknown recipe 'yolx'; did you mean 'yolox'?",
    f"sample {RECIPE} FILE": "FILE: cannot be written (file exists); give another folder",
    f"sample {RECIPE} FILE/x": "FILE/x: cannot be written (not a directory); give another folder",
    # One training.
    f"train {RECIPE} --data nowhere --preset short --out OUT": "data is nowhere; no such file or folder in /",
    RANGES.replace("DATA", "nowhere") + " --low 0.01 --high 0.5": "data is nowhere; no such file",
    f"{TRAIN} --set depth=many": "setting 'depth' is 'many'; it must be a whole number",
    f"{TRAIN} --set depth=1.5": "setting 'depth' is 1.5; it must be a whole number",
    f"{TRAIN} --set dept=2": "unknown setting 'dept'; did you mean 'depth'?",
    f"{TRAIN} --set quality=.nan": "setting 'quality' is nan; it must be a finite number",
    f"{TRAIN} --training fast": "unknown training 'fast'; valid: good,",
    f"{TRAIN} --config FOLDER": "FOLDER: is a folder; give the YAML file itself",
    f"{TRAIN} --resume FILE": "resume is FILE; no such checkpoint directory, give one such as epoch-0007",
    f"{TRAIN} --resume FOLDER": "resume is FOLDER; it holds no state, so give a checkpoint such as epoch-0007",
    f"train {RECIPE} --data DATA --preset short --out FILE": "--out is FILE; cannot be written (not a directory)",
    "evaluate FOLDER --data DATA": "FOLDER: holds no state.pt; give a checkpoint directory",
    f"{RANGES} --rates 1": "rates is 1; it must be at least 4",
    f"{RANGES} --epochs 0": "epochs is 0; it must be at least 1",
    f"{RANGES} --low 2 --high 1": "low is 2 and high is 1; low must be above 0 and below high",
    f"{RANGES} --low 0 --high 1": "low is 0 and high is 1; low must be above 0 and below high",
    "check FILE --probe --probe-minutes -1": "--probe-minutes is '-1'; it must be at least 0.1",
    f"{RANGES} --low nan": "low is nan",
    # A sweep's results.
    "resume sweeep --sweeps SWEEPS": "no sweep 'sweeep' in SWEEPS; did you mean 'sweep'?",
    "resume sweep --sweeps SWEEPS": "sweep sweep has ended; give it more to do",
    "resume sweep --trials 1 --sweeps SWEEPS": "trials is 1; it must be at least the 2 enqueued trainings",
    "resume sweep --trials 2 --sweeps SWEEPS": "sweep sweep has ended, and trials: 2 gives it nothing more to do; give",
    "resume sweep --set quality.high=0.9 --sweeps SWEEPS": "gives it nothing more to do; give it more, such as",
    "logs sweep 12 --sweeps SWEEPS": "no log of trial 12 in sweep sweep; valid: ",
    "resume sweep --hours -1 --sweeps SWEEPS": "'hours' is -1.0; it must be greater than 0",
    "status sweep --sweeps FILE": "--sweeps is FILE; it is no folder",
    "status --watch --sweeps SWEEPS": "--watch is for one sweep; give its name",
    "explain sweep 99 --sweeps SWEEPS": "no trial 99 in sweep sweep; it has trials 0 to",
    "explain sweep 0 --figure peers.pdf --sweeps SWEEPS": "--figure is peers.pdf; it must end in .png or .html",
    "export sweep 99 --sweeps SWEEPS": "no trial 99 in sweep sweep; it has trials 0 to",
    "export sweep --to FILE/x --sweeps SWEEPS": "FILE/x: cannot be written (Not a directory)",
    "export sweep --average --sweeps SWEEPS": "0 of its fresh seeds have a checkpoint, and it takes two; a sweep keeps",
    "export sweep --average --ensemble --sweeps SWEEPS": "--average and --ensemble exclude each other",
    "export sweep --prove -1 --sweeps SWEEPS": "--prove is '-1'; it must be at least 0",
    "report sweep --to FOLDER --sweeps SWEEPS": "FOLDER: cannot be written",
    "compare sweep other --sweeps SWEEPS": "no sweep 'other' in SWEEPS; valid: sweep",
    "compare --sweeps SWEEPS": "NAME is missing; `steadytune compare --help` shows",
    "prove FOLDER": "FOLDER: holds no about.json, so it is no export",
    "logs sweep 99 --sweeps SWEEPS": "no log of trial 99 in sweep sweep",
    # What is asked of a sweep by hand.
    "stop sweep --sweeps SWEEPS": "sweep sweep has ended; there is nothing to stop",
    "stop sweep 99 --sweeps SWEEPS": "no trial 99 in sweep sweep; it has trials 0 to",
    "stop sweep 0 --sweeps SWEEPS": "trial 0 of sweep sweep has ended (done: trained to its last epoch)",
    "stop sweep first --sweeps SWEEPS": "TRIAL is 'first'; it must be a whole number",
    "promote sweep 0 --sweeps SWEEPS": "trial 0 of sweep sweep has ended",
    "promote sweep --sweeps SWEEPS": "TRIAL is missing; `steadytune promote --help` shows",
    "pause sweep --sweeps SWEEPS": "sweep sweep is not running on this machine",
    "add sweep --sweeps SWEEPS": "a trial for sweep sweep needs a setting, such as lr=1e-3",
    "add sweep quality --sweeps SWEEPS": "add is 'quality'; it must be name=value",
    "add sweep qualiti=1 --sweeps SWEEPS": "qualiti is no setting of curves; did you mean 'quality'?",
    "add sweep depth=9 --sweeps SWEEPS": "setting 'depth' is 9; it must be at most 4",
    "add sweep epochs=50 --sweeps SWEEPS": "epochs is 50; all trials of sweep sweep have",
    "add sweep --from nowhere --sweeps SWEEPS": "--from is nowhere, which is no file and no sweep",
    "rm sweep --sweeps SWEEPS": "rm asks before it deletes, and nobody can answer here; give --yes",
    "rm swep --yes --sweeps SWEEPS": "no sweep 'swep' in SWEEPS; did you mean 'sweep'?",
    "rm --sweeps SWEEPS": "NAME is missing; `steadytune rm --help` shows",
    "rename sweep a/b --sweeps SWEEPS": "setting 'name' is 'a/b'; it must be letters, digits,",
    "rename sweep sweep --sweeps SWEEPS": "the new name is sweep, but SWEEPS/sweep exists; give another name",
    "rename swep new --sweeps SWEEPS": "no sweep 'swep' in SWEEPS",
    "logs sweep --sweeps SWEEPS": "sweep sweep was not launched with --background",
    "resume sweep --trials 99 --set qualiti=1 --sweeps SWEEPS": "unknown setting 'qualiti'; did you mean 'quality'?",
    "resume sweep --trials 99 --set epochs=9 --sweeps SWEEPS": "set.epochs of sweep sweep is 9, but the sweep",
    "resume sweep --trials 99 --set quality.hihg=1 --sweeps SWEEPS": "unknown setting 'quality.hihg'",
    "add swep depth=1 --sweeps SWEEPS": "no sweep 'swep' in SWEEPS; did you mean 'sweep'?",
    "resume": "NAME is missing; `steadytune resume --help` shows",
    "explain sweep --sweeps SWEEPS": "TRIAL is missing; `steadytune explain --help` shows",
    "rename sweep --sweeps SWEEPS": "NEW is missing; `steadytune rename --help` shows",
    "ls more": "more is one argument too many; `steadytune ls --help` shows",
    "ls --sweeps FILE": "--sweeps is FILE; it is no folder",
    # This machine, MLflow.
    "doctor more": "more is one argument too many; `steadytune doctor --help` shows",
    "sync nowhere --sweeps SWEEPS": "no sweep 'nowhere' in SWEEPS; valid: sweep",
    "browse nowhere --sweeps SWEEPS": "no sweep 'nowhere' in SWEEPS; valid: sweep",
    "optuna": "NAME is missing; `steadytune optuna --help` shows",
    "optuna sweep --to FOLDER --sweeps SWEEPS": "FOLDER: cannot be written (Is a directory)",
    "tensorboard nowhere --sweeps SWEEPS": "no sweep 'nowhere' in SWEEPS; valid: sweep",
    "wandb": "NAME is missing; `steadytune wandb --help` shows",
    # Scripts and models.
    "init": "-- COMMAND is missing; `steadytune init --help` shows",
    "init --to FOLDER -- python train.py --lr 1e-3": "FOLDER: exists; give another file with --to, or remove it",
    "init -- nowhere.sh --lr 1e-3": "command: 'nowhere.sh' is no program on the PATH",
    "init -- python nowhere.py --lr 1e-3": "command: 'nowhere.py' is no file in",
    "predict FOLDER": "SOURCE is missing; `steadytune predict --help` shows",
    "predict nowhere FOLDER": "model is nowhere; give a checkpoint such as epoch-0007, an export, or models:/",
    "predict models:/none@champion FOLDER --store sqlite:///none.db": "sqlite:///none.db; there is no such file",
    # Recordings.
    "replay nowhere": "nowhere: no sweep, no CSV file and no folder of trainings",
    "replay sweep --mode best --sweeps SWEEPS": "--mode is 'best'; it must be max or min",
    "replay sweep --policy scheduler=hyper --sweeps SWEEPS": "'scheduler' is 'hyper'; it must be 'asha',",
    "replay sweep --policy schedule=asha --sweeps SWEEPS": "did you mean 'scheduler'?",
    "replay sweep --policy asha --sweeps SWEEPS": "--policy is 'asha'; it must be name=value",
}
"""Command lines, and what their sentence has in it. Capital letters: `places`; SWEEPS has the ended `sweep`."""


def test_no_verb_is_left_out() -> None:
    assert VERBS.keys() <= {line.split()[0] for line in LINES}


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_command_line(
    line: str, steadytune: Steadytune, places: dict[str, str], request: pytest.FixtureRequest
) -> None:
    if "SWEEPS" in line:
        places["SWEEPS"] = str(request.getfixturevalue("sweeps"))
    words = LINES[line]
    for name, path in places.items():
        words = words.replace(name, path)
    arguments = []
    for argument in line.split():
        name, slash, rest = argument.partition("/")
        arguments.append(places.get(name, name) + slash + rest)
    check_sentence(steadytune, arguments, words)


@pytest.mark.parametrize(
    "options",
    [
        ("--trials", 1),
        ("--trials", 9, "--hours", 1e-9),  # they are used up
        ("--trials", 9, "--address", "http://127.0.0.1:1", "--background"),
    ],
)
def test_a_refused_resume_leaves_the_sweep_as_it_was(
    steadytune: Steadytune, sweeps: Path, options: tuple[Any, ...]
) -> None:
    before = (sweeps / "sweep" / "sweep.yaml").read_text()
    assert steadytune("resume", "sweep", *options, "--sweeps", sweeps)[0] == 2
    assert (sweeps / "sweep" / "sweep.yaml").read_text() == before
    assert steadytune("status", "sweep", "--sweeps", sweeps)[0] == 0


# --- exit codes that are no mistake ------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "epoch"), [("nan_at=1", 2), ("nan_at=4", 4), ("alarm_at=2", 2), ("raise_at=3", 3)])
def test_a_lost_training_ends_with_1(
    setting: str, epoch: int, steadytune: Steadytune, places: dict[str, str], tmp_path: Path
) -> None:
    arguments = [places.get(argument, argument) for argument in TRAIN.split()]
    code, output, error = steadytune(*arguments, "--out", tmp_path / "training", "--set", setting)
    assert code == 1
    assert output.startswith("epoch 1 ")
    assert error.startswith(f"steadytune: epoch {epoch}: ")
    assert error.endswith("the training is lost\n")


def test_the_version_is_the_packages(steadytune: Steadytune) -> None:
    code, output, error = steadytune("--version")
    assert (code, error) == (0, "")
    assert output.startswith("steadytune 0.")
