"""The recipe `command`: any training that is a command line, declared in the sweep file and not changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from trainables.atomic import write_file
from trainables.command.declaration import Declaration, Parameter
from trainables.command.settings import ScriptSettings, settings_type
from trainables.errors import CheckpointError, DataError, SettingsError, SteadytuneError
from trainables.objective import with_mode
from trainables.recipe import AnyRecipe, Epoch, Recipe
from trainables.settings import parse

PRESET, BASELINE = "declared", "defaults"
COMMAND_FILE, PARAMETERS_FILE = "command.txt", "parameters.yaml"
_UNDECLARED = "recipe 'command' is declared in a sweep file (docs/own-script.md): steadytune launch SWEEP.yaml"


@dataclass(frozen=True)
class ScriptData:
    """The data set of a script, which only the script looks into.

    Attributes:
        path: as the sweep names it; "" if it names none.
        fingerprint: of the names and sizes of its files; of nothing if it has none.
    """

    path: str
    fingerprint: str


class Command(Recipe[ScriptSettings, ScriptData]):
    """A script that a sweep file declares; `declared` makes a recipe of it."""

    name: ClassVar[str] = "command"
    summary: ClassVar[str] = "any training script, declared in the sweep file"
    metric: ClassVar[str] = "declared"
    settings_type = ScriptSettings
    baseline: ClassVar[str] = BASELINE
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
            "settings_type": settings_type(declaration),
            "resumes": declaration.resumes,
            "ends_early": declaration.ends_early,
            "declaration": declaration,
            "data": str(fields.get("data") or ""),
            "notes": tuple(_notes(declaration)),
        }
        recipe: AnyRecipe = type("Command", (Command,), members)()
        return recipe

    @property
    def parameters(self) -> Mapping[str, Parameter] | None:
        """What the sweep file lets vary, which makes the search space."""
        return {} if self.declaration is None else self.declaration.all_parameters

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """One: the defaults of the sweep file."""
        if self.declaration is None:
            return {}
        baseline = {name: parameter.baseline for name, parameter in self.declaration.all_parameters.items()}
        return {PRESET: {"epochs": self.declaration.epochs, "seed": 0, **baseline}}

    @property
    def trainings(self) -> Mapping[str, Mapping[str, Any]]:
        """One: the baseline, which has all defaults."""
        return {BASELINE: {}}

    def settings(self, preset: str, overrides: Mapping[str, Any], training: str | None = None) -> ScriptSettings:
        """See `Recipe.settings`; a parameter that is not passed along with the others is None."""
        declaration = self._declaration()
        values = super().settings(preset, overrides, training).model_dump()
        for name, parameter in declaration.all_parameters.items():
            if not parameter.active(values):
                values[name] = None
        return parse(self.settings_type, values, self.name)

    def _declaration(self) -> Declaration:
        if self.declaration is None:
            raise SettingsError(_UNDECLARED)
        return self.declaration

    def open(self, path: Path) -> ScriptData:
        """See `Recipe.open`. Only the script knows its data; here it must be there."""
        self._declaration()
        if not getattr(self, "data", ""):
            return ScriptData("", hashlib.sha256().hexdigest())
        if not path.exists():
            raise DataError(f"data is {path}; no such file or folder")
        return ScriptData(str(path.absolute()), _fingerprint(path))

    def sample(self, directory: Path) -> Path:
        """See `Recipe.sample`."""
        raise SettingsError("recipe 'command' has no sample data: your script has its own")

    def train(
        self, settings: ScriptSettings, data: ScriptData, workdir: Path, resume: Path | None = None
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

    def export(self, settings: ScriptSettings, directory: Path) -> list[Path]:
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

    def weights(self, settings: ScriptSettings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
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


def _fingerprint(path: Path) -> str:
    """Of names and sizes: contents may be a terabyte."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    lines = (f"{file.relative_to(path.parent)} {file.stat().st_size}\n" for file in files)
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _notes(declaration: Declaration) -> Iterator[str]:
    from trainables.command.placeholders import named_in

    used = named_in([*declaration.command, *((declaration.checkpoint and declaration.checkpoint.resume) or [])])
    if "seed" not in used:
        yield "The script takes no seed (${seed} is not in the command): two trainings differ only by chance."
    if "epochs" not in used:
        epochs = declaration.epochs
        yield f"The script is not told its epochs (${{epochs}} is not in the command): it must train {epochs} itself."
    if not declaration.resumes:
        yield "The script cannot be resumed (checkpoint.resume is not given): trials are stopped, never paused."
