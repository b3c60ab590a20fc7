"""From a trial's settings to the command line of its script: arguments, or a file of arguments."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trainables.atomic import write_file
from trainables.command.declaration import ArgumentsFile, Declaration, Parameter
from trainables.command.placeholders import filled, named_in
from trainables.errors import DataError, SettingsError
from trainables.json_file import read_json
from trainables.regular_file import read_regular
from trainables.settings import read_yaml


@dataclass(frozen=True)
class Run:
    """What one training is given besides its parameters.

    Attributes:
        folder: where it writes.
        data: its data set; "" if there is none.
        directory: its working directory.
        checkpoint: what it goes on from; None for a training from its start.
    """

    folder: Path
    data: str
    directory: Path
    checkpoint: Path | None = None


def active(declaration: Declaration, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a training with `settings` is given, by name."""
    return {
        name: settings[name]
        for name, parameter in declaration.all_parameters.items()
        if parameter.active(settings) and settings[name] is not None
    }


def command_line(declaration: Declaration, settings: Mapping[str, Any], run: Run) -> list[str]:
    """The script's command line for `settings`; `run.checkpoint` adds what resumes it."""
    values = placeholder_values(declaration, settings, run)
    resume = declaration.checkpoint.resume if declaration.checkpoint else None
    added = (resume or []) if run.checkpoint else []
    command = declaration.command if "${resume}" in declaration.command else [*declaration.command, "${resume}"]
    elements = [part for element in command for part in (added if element == "${resume}" else [element])]
    separately = set(named_in(elements))
    line: list[str] = []
    for element in elements:
        if element == "${args}":
            line += _arguments(declaration, settings, separately)
        else:
            line.append(filled(element, values))
    return line


def placeholder_values(declaration: Declaration, settings: Mapping[str, Any], run: Run) -> dict[str, str]:
    """The values of the placeholders."""
    values = {
        "run_dir": str(run.folder),
        "epochs": str(settings["epochs"]),
        "seed": str(settings["seed"]),
        "data": run.data,
    }
    if run.checkpoint:
        values["checkpoint"] = str(run.checkpoint)
    if declaration.args_file:
        values["args_file"] = str(run.folder / declaration.args_file.file)
    parameters = declaration.all_parameters
    in_effect = active(declaration, settings)
    # A parameter that is not active has nothing to say; its place in the command keeps the baseline's value.
    return values | {f"param.{name}": text(in_effect.get(name, parameters[name].baseline)) for name in parameters}


def text(value: Any) -> str:
    """A value as a script reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _arguments(declaration: Declaration, settings: Mapping[str, Any], separately: set[str]) -> list[str]:
    arguments: list[str] = []
    for name, value in active(declaration, settings).items():
        if f"param.{name}" not in separately:
            arguments += _argument(declaration, name, declaration.all_parameters[name], value)
    return arguments


def _argument(declaration: Declaration, name: str, parameter: Parameter, value: Any) -> list[str]:
    template = parameter.args or declaration.args
    if parameter.flag == "bare":
        bare = template.partition("{value}")[0].rstrip("= ")
        return [bare.replace("{name}", name)] if value else []
    return [part.replace("{name}", name).replace("{value}", text(value)) for part in template.split(" ") if part]


def write_arguments_file(declaration: Declaration, settings: Mapping[str, Any], run: Run) -> None:
    """Write the file of arguments into the run's folder, if the declaration asks for one."""
    if declaration.args_file:
        file = declaration.args_file
        base = run.directory / file.base if file.base else None
        write_file(run.folder / file.file, arguments_file(file, base, active(declaration, settings)))


def arguments_file(file: ArgumentsFile, base: Path | None, parameters: Mapping[str, Any]) -> str:
    """The text of the file: the values of `base`, with the parameters in their places; a dot leads into a mapping."""
    content: dict[str, Any] = _read(base) if base else {}
    for name, value in parameters.items():
        inner = content
        *outer, last = name.split(".")
        for key in outer:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise SettingsError(f"parameters.{name}: {key} is no mapping in {base}; correct the name")
        inner[last] = value
    suffix = Path(file.file).suffix
    if suffix == ".json":
        return json.dumps(content, indent=2) + "\n"
    return "\n".join(_toml(content, "")) + "\n" if suffix == ".toml" else yaml.safe_dump(content, sort_keys=False)


def _read(path: Path) -> dict[str, Any]:
    if path.suffix in (".yaml", ".yml"):
        return read_yaml(path)
    try:
        if path.suffix == ".json":
            content = read_json(path, "correct it")
        else:
            content = tomllib.loads(read_regular(path, "yaml_bytes")[0].decode("utf-8-sig"))
    except DataError as error:
        raise SettingsError(f"args_file.base: {error}") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error).partition(";")[0]
        raise SettingsError(f"args_file.base: {path} cannot be read ({reason}); correct it") from None
    if not isinstance(content, dict):
        raise SettingsError(f"args_file.base: {path} holds a {type(content).__name__}; it must be a mapping")
    return content


def _toml(table: Mapping[str, Any], path: str) -> list[str]:
    """The lines of a TOML table; the standard library reads TOML, but does not write it."""
    key = json.dumps
    lines = [f"{key(name)} = {_toml_value(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner = f"{path}.{key(name)}" if path else key(name)
            lines += [f"[{inner}]", *_toml(value, inner)]
    return lines


def _toml_value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def quoted(line: Sequence[str]) -> str:
    """The command line as it can be pasted into a shell."""
    return shlex.join(line)
