"""The recipe `command`: any training that is a command line, declared in the sweep file and not changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import yaml

from trainables.atomic import write_file
from trainables.command.declaration import Declaration, Parameter
from trainables.command.declared import DeclaredRecipe, PathData
from trainables.command.settings import DeclaredSettings, settings_type
from trainables.errors import CheckpointError, SettingsError, SteadytuneError
from trainables.objective import with_mode
from trainables.recipe import AnyRecipe, Epoch
from trainables.settings import parse

COMMAND_FILE, PARAMETERS_FILE = "command.txt", "parameters.yaml"
NAMED_EPOCHS = ("csv", "jsonl", "ultralytics", "lightning")
"""Kinds of source in which a column or key counts epochs, so that `epoch` may name it."""
_UNDECLARED = "recipe 'command' is declared in a sweep file (docs/own-script.md): steadytune launch SWEEP.yaml"


class Command(DeclaredRecipe):
    """A script that a sweep file declares; `declared` makes a recipe of it."""

    name: ClassVar[str] = "command"
    summary: ClassVar[str] = "any training script, declared in the sweep file"
    metric: ClassVar[str] = "declared"
    declaration: ClassVar[Declaration | None] = None
    several_gpus: ClassVar[bool] = True

    def declared(self, fields: Mapping[str, Any]) -> AnyRecipe:
        """The recipe of the script that `fields` describe; see `Declaration`.

        Raises:
            SettingsError: a field is wrong, or a parameter never arrives at the script.
        """
        from trainables.command.placeholders import check
        from trainables.logs.line_readers import compiled

        values = {name: value for name, value in fields.items() if name != "data"}
        for name in ("command", "parameters", "epochs", "metric"):
            if not values.get(name):
                raise SettingsError(f"recipe command: {name} is missing; docs/own-script.md shows a whole sweep file")
        declaration = parse(Declaration, values, "recipe command")
        source = with_mode(declaration.metric).source
        if source is None:
            raise SettingsError(
                "metric.source is missing; it says where the script writes its epochs: source: {csv: "
                '"${run_dir}/log.csv"}'
            )
        if source.where and not source.where.startswith("${run_dir}"):
            raise SettingsError(
                f"metric.source.{source.kind} is {source.where}, which all trials would write to; have the script "
                "write it below ${run_dir}"
            )
        if source.stdout is not None:
            compiled(source.stdout)
        check(declaration, bool(fields.get("data")))
        members = {
            "metric": declaration.metric.name,
            "mode": declaration.metric.mode,
            "bounds": {declaration.metric.name: declaration.metric.bounds} if declaration.metric.bounds else {},
            "settings_type": settings_type(declaration.all_parameters),
            "resumes": declaration.resumes,
            "ends_early": declaration.ends_early,
            "declaration": declaration,
            "data": str(fields.get("data") or ""),
            "notes": tuple(_notes(declaration)),
        }
        recipe: AnyRecipe = type("Command", (Command,), members)()
        return recipe

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What the sweep file lets vary."""
        return {} if self.declaration is None else self.declaration.all_parameters

    @property
    def default_epochs(self) -> int:
        """What the sweep file says."""
        return self._declaration().epochs

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """One: the defaults of the sweep file."""
        return {} if self.declaration is None else super().presets

    def _declaration(self) -> Declaration:
        if self.declaration is None:
            raise SettingsError(_UNDECLARED)
        return self.declaration

    def settings(self, preset: str, overrides: Mapping[str, Any], training: str | None = None) -> DeclaredSettings:
        """See `DeclaredRecipe.settings`."""
        self._declaration()
        return super().settings(preset, overrides, training)

    def open(self, path: Path) -> PathData:
        """See `Recipe.open`. Only the script knows its data; here it must be there."""
        self._declaration()
        return PathData.of(path if getattr(self, "data", "") else None)

    def sample(self, directory: Path) -> Path:
        """See `Recipe.sample`."""
        raise SettingsError("recipe 'command' has no sample data: your script has its own")

    def train(
        self, settings: DeclaredSettings, data: PathData, workdir: Path, resume: Path | None = None
    ) -> Iterator[Epoch]:
        """See `Recipe.train`. The script runs in the sweep's `directory`, or in this process' own."""
        from trainables.command.training import ScriptTraining

        declaration = self._declaration()
        if resume is not None and not declaration.resumes:
            raise CheckpointError(f"{resume}: the sweep file does not say how the script resumes (checkpoint.resume)")
        directory = Path(declaration.directory or os.getcwd())
        if not directory.is_dir():
            raise SettingsError(f"directory is {directory}; no such folder on this machine")
        training = ScriptTraining(declaration, settings.model_dump(), data.path, workdir.absolute(), directory)
        with closing(training.epochs(resume)) as epochs:
            yield from epochs

    def export(self, settings: DeclaredSettings, directory: Path) -> list[Path]:
        """Write the command line to paste, and its parameters."""
        from trainables.command.arguments import Run, active, arguments_file, command_line, quoted

        declaration, values = self._declaration(), settings.model_dump()
        working = Path(declaration.directory or os.getcwd())
        line = command_line(declaration, values, Run(Path("run"), getattr(self, "data", ""), working))
        text = f"cd {quoted([str(working)])}\n{quoted(line)}\n"
        parameters = yaml.safe_dump(active(declaration, values), sort_keys=False)
        directory.mkdir(parents=True, exist_ok=True)
        files = [write_file(directory / COMMAND_FILE, text), write_file(directory / PARAMETERS_FILE, parameters)]
        if file := declaration.args_file:
            base = working / file.base if file.base else None
            content = arguments_file(file, base, active(declaration, values))
            files.append(write_file(directory / file.file, content))
        return files

    def start_settings(self, export: Path) -> Mapping[str, Any]:
        """The parameter that the sweep file names takes the script's checkpoint; see `trainables.start.Starts`."""
        from trainables.command.checkpoints import read_state

        checkpoint = self._declaration().checkpoint
        if checkpoint is None or checkpoint.start is None:
            raise SettingsError(
                "checkpoint.start is missing; it names the parameter that takes the checkpoint to start from: "
                'checkpoint: {path: "${run_dir}/last.pt", start: weights}'
            )
        is_there = (export / "checkpoint").is_dir()
        written = read_state(export / "checkpoint", {}).checkpoint if is_there else checkpoint.path
        return {checkpoint.start: str(export / Path(written).name)}

    def weights(self, settings: DeclaredSettings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """The script's own checkpoint, as it wrote it."""
        import shutil

        from trainables.command.checkpoints import COPY, read_state

        state = read_state(checkpoint, {})
        if not state.checkpoint:
            raise SteadytuneError("the script had written no checkpoint by then")
        name = Path(state.checkpoint).name
        source = checkpoint / COPY / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, directory / name)
        return {name: f"the script's checkpoint as it wrote it, after epoch {state.epoch}"}


def _notes(declaration: Declaration) -> Iterator[str]:
    from trainables.command.placeholders import named_in

    used = named_in([*declaration.command, *((declaration.checkpoint and declaration.checkpoint.resume) or [])])
    if "seed" not in used:
        yield "The script takes no seed (${seed} is not in the command): two trainings differ only by chance."
    if "epochs" not in used:
        epochs = declaration.epochs
        yield f"The script is not told its epochs (${{epochs}} is not in the command): it must train {epochs} itself."
    source = declaration.metric.source
    if source is not None and source.epoch is not None and source.kind not in NAMED_EPOCHS:
        yield f"metric.source.epoch is not used: {source.kind} says by itself which epoch a value is of; leave it out."
    words = _words(declaration) if "args" in used else []
    if words:
        yield (
            f"{' and '.join(words)}: argparse's type=bool takes false for true. With `flag: bare` the name is passed "
            "alone, or nothing; yes and no, if the script wants these words, belong in quotes."
        )
    if not declaration.resumes:
        yield "The script cannot be resumed (checkpoint.resume is not given): trials are stopped, never paused."


def _words(declaration: Declaration) -> list[str]:
    """How true and false are passed, for each option of the command line that is one of them."""
    return [
        template.replace("{name}", name).replace("{value}", "true/false")
        for name, parameter in declaration.all_parameters.items()
        if (template := parameter.args or declaration.args).startswith("-")
        and parameter.flag == "value"
        and any(isinstance(value, bool) for value in parameter.choices or [parameter.value])
    ]
