"""Recipes of the tests' script, as a sweep file declares them."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

from tests.support import SUPPORT
from trainables.checkpoint import write
from trainables.command.arguments import Run, command_line
from trainables.recipe import AnyRecipe, Epoch
from trainables.registry import find

SCRIPT = str(SUPPORT / "script.py")
METRIC = {
    "name": "accuracy",
    "mode": "max",
    "source": {"csv": "${run_dir}/results.csv"},
    "losses": ["train_loss"],
}
CHECKPOINT = {"path": "${run_dir}/last.json", "resume": ["--resume", "${checkpoint}"]}
PARAMETERS = {"lr": {"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2}}


def declaration(*options: str, **fields: Any) -> dict[str, Any]:
    """The fields of a sweep file for the script with `options`; a field that is None is left out."""
    given: dict[str, Any] = {
        "command": [
            *(sys.executable, SCRIPT, "--out", "${run_dir}", "--epochs", "${epochs}", "--seed", "${seed}"),
            *options,
            "${args}",
        ],
        "parameters": PARAMETERS,
        "epochs": 6,
        "metric": METRIC,
        "checkpoint": CHECKPOINT,
        "stop": {"grace_seconds": 5.0},
    }
    return {name: value for name, value in (given | fields).items() if value is not None}


def script(*options: str, **fields: Any) -> AnyRecipe:
    """The recipe."""
    return find("command", declaration(*options, **fields))


def train(
    recipe: AnyRecipe, folder: Path, epochs: int = 100, resume: Path | None = None, **settings: Any
) -> list[tuple[Epoch, Path | None]]:
    """Train at most so many epochs in `folder`, and end the script; each epoch with its checkpoint."""
    folder.mkdir(exist_ok=True)
    chosen = recipe.settings("declared", settings)
    running = recipe.train(chosen, recipe.open(Path()), folder, resume)
    done = [
        (epoch, write(folder / "checkpoints", epoch.epoch, epoch.save) if epoch.saves else None)
        for epoch in itertools.islice(running, epochs)
    ]
    running.close()  # type: ignore[attr-defined]  # a generator
    return done


def values(done: list[tuple[Epoch, Path | None]]) -> list[tuple[int, float | None]]:
    """Epochs and accuracies."""
    return [(epoch.epoch, epoch.metrics.get("accuracy")) for epoch, _ in done]


def line(recipe: AnyRecipe, folder: str = "/run", **settings: Any) -> list[str]:
    """The command line of a training, without the program."""
    declared = recipe.declaration  # type: ignore[attr-defined]
    values = recipe.settings("declared", settings).model_dump()
    return command_line(declared, values, Run(Path(folder), "/data", Path()))[1:]


def command(*words: str, **fields: Any) -> AnyRecipe:
    """The recipe of a program that is called with these words."""
    return script(command=["train", *words], **fields)
