"""All verbs, each imported when it is called: `--help`, and a verb, pay for no other verb's libraries."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command


class Verb(NamedTuple):
    """Where a verb is: a function of its name in the module `search.cli.MODULE`; and the first line of its help."""

    module: str
    summary: str


SECTIONS = {
    "Before a sweep": {
        "check": Verb("recipes", "Check everything about a sweep that can be checked before training."),
        "doctor": Verb(
            "doctor",
            "Look at this machine: versions, GPU, memory, disk, ports, MLflow's store, Ray; a line each, with the fix.",
        ),
        "recipes": Verb("recipes", "List the recipes, or show one: settings, ranges, presets, named trainings."),
        "sample": Verb("recipes", "Write a recipe's small sample data set."),
        "init": Verb(
            "scripts", "Write a sweep file from a training's command line: numbers become ranges, folders placeholders."
        ),
        "lr-range": Verb(
            "lr_range",
            "Train briefly at rising learning rates, and write a sweep file with the range that is worth searching.",
        ),
    },
    "Running a sweep": {
        "launch": Verb("launch", "Run a sweep and export its best configuration."),
        "status": Verb("status", "Show the state of a sweep, or of all sweeps."),
        "resume": Verb(
            "launch",
            "Continue a sweep that was interrupted or killed, or give a sweep more to do, even if it has ended.",
        ),
        "logs": Verb("cluster", "Print the log of a sweep in the background or on a cluster, or of one of its trials."),
        "ls": Verb("folders", "List all sweeps: state, trials, best value, size on disk, age."),
        "pause": Verb("steering", "End a sweep's process as Ctrl-C would; `resume` continues it."),
        "stop": Verb(
            "steering",
            "End trials for good; without TRIAL the whole search, whose best trials are then confirmed and exported.",
        ),
        "add": Verb(
            "steering", "Add a trial to a sweep, on top of its other trials; it starts as soon as a worker is free."
        ),
        "promote": Verb("steering", "Let a paused trial train on to its next rung, whatever its rank."),
        "rename": Verb("folders", "Rename a sweep that is not running."),
        "rm": Verb(
            "folders",
            "Delete sweeps for good: folder, storage, MLflow's runs, registered models; shows what goes, and asks.",
        ),
    },
    "Results": {
        "explain": Verb("results", "Explain what happened to a trial and why."),
        "report": Verb("results", "Write a sweep's figures and tables as one self-contained HTML file."),
        "export": Verb("results", "Write a configuration in the recipe's own format, with its best checkpoint."),
        "compare": Verb("results", "Compare sweeps side by side."),
        "browse": Verb("mlflow", "Open MLflow's pages for the sweeps."),
        "prove": Verb("results", "Re-train an export from its files alone and compare each epoch with its trial's."),
        "sync": Verb("mlflow", "Bring MLflow up to date with a sweep, such as after it could not be reached."),
        "optuna": Verb("sinks", "Write a sweep's search as an Optuna storage, which optuna-dashboard opens."),
        "tensorboard": Verb("sinks", "Write a sweep's curves and settings as TensorBoard's event files."),
        "wandb": Verb("sinks", "Write a sweep's trials as offline runs of Weights & Biases, each once it has ended."),
    },
    "Single trainings and recordings": {
        "train": Verb("recipes", "Run one training, without a sweep."),
        "evaluate": Verb("recipes", "Evaluate a checkpoint on a data set."),
        "predict": Verb(
            "predict", "Predict with a trained model on pictures, videos or clips, and draw what it finds."
        ),
        "replay": Verb(
            "replay",
            "Simulate schedulers on recorded trainings: which epochs would each have saved, which good runs stopped?",
        ),
    },
}
"""The verbs by what they are for, in the order of the help. A verb's own help begins with the same words, and
docs/commands.md has the same sections, which tests hold."""
VERBS = {name: verb for verbs in SECTIONS.values() for name, verb in verbs.items()}


class VerbGroup(TyperGroup):
    """The command line's verbs, imported one at a time."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name; None if there is none."""
        if cmd_name not in VERBS:
            return None
        if cmd_name not in self.commands:
            single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
            module = import_module(f"search.cli.{VERBS[cmd_name].module}")
            single.command(cmd_name)(getattr(module, cmd_name.replace("-", "_")))
            self.commands[cmd_name] = get_command(single)
        return self.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs' lines of the help, without importing the verbs."""
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, verb.summary) for name, verb in verbs.items()])
