"""A sweep file from a command line that works."""

from __future__ import annotations

import shlex

import pytest

from search.sweep.plan import make_plan
from search.sweep.spec import read_spec
from trainables.command.from_line import guess, sweep_file
from trainables.settings import parse_value

LINE = (
    "python train.py pets --lr 1e-3 --batch-size 16 --momentum 0.9 --epochs 30 --seed 0 --output-dir out --workers 4 "
    "--amp --opt sgd --resume old.pt --layers 8"
)


def test_numbers_become_ranges_and_folders_placeholders() -> None:
    guessed = guess(shlex.split(LINE))
    assert guessed.command == [
        *("python", "train.py", "pets", "${args}", "--epochs", "${epochs}", "--seed", "${seed}"),
        *("--output-dir", "${run_dir}", "--workers", "4", "--amp", "--opt", "sgd"),
    ]
    assert guessed.parameters == {
        "lr": "{low: 0.0001, high: 0.01, log: true, default: 0.001}",
        "batch-size": "{choices: [8, 16, 32], default: 16}",
        "momentum": "{low: 0.5, high: 0.98, default: 0.9}",
        "layers": "{low: 2, high: 32, log: true, default: 8}",
    }
    assert (guessed.style, guessed.epochs, guessed.resume) == ("--{name} {value}", "30", "--resume")


@pytest.mark.parametrize(
    "before",
    [
        "accelerate launch --num_processes 2 --main_process_port=29501 train.py",
        "torchrun --max-restarts 3 train.py",
        "mpirun -np 4 python train.py",
        "nice -n 19 python -X 3 -m package.train",
        "python -m torch.distributed.run --max-restarts=3 train.py",
        "python -m package.train",
    ],
)
def test_options_of_what_runs_the_script_stay_as_they_are(before: str) -> None:
    guessed = guess(shlex.split(f"{before} --lr 1e-3 --config base.py"))
    assert guessed.command == [*shlex.split(before), "${args}", "--config", "base.py"]
    assert [*guessed.parameters] == ["lr"]


def test_what_is_written_is_a_sweep() -> None:
    for line in (LINE, "train lr=0.1 trainer.max_epochs=3 hydra.run.dir=x aug=true", "python train.py"):
        text, _ = sweep_file(shlex.split(line))
        plan = make_plan(read_spec({"name": "a", **parse_value(text, "sweep.yaml")}, "sweep.yaml"))
        assert plan.ranges or "${args}" not in text


@pytest.mark.parametrize("word", ["-1", ".5", "-1e3", "on", "Off", "yes", ".inf", "null", "~", "-", "---", "..."])
def test_words_are_texts_whatever_yaml_would_make_of_them(word: str) -> None:
    text, _ = sweep_file(["python", "train.py", "--device", word, "--lr", "1e-3"])
    assert parse_value(text, "sweep.yaml")["command"][3] == word


def test_what_is_left_to_do_is_said() -> None:
    _, todo = sweep_file(["python", "train.py"])
    assert [sentence.partition(":")[0] for sentence in todo] == ["metric", "command", "epochs", "parameters"]
