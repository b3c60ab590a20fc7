"""Placeholders in a command line: `${data}`, `${param.lr}`. There is no shell: each element stays one argument."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from trainables.command.declaration import Declaration, check_parameters
from trainables.errors import SettingsError, nearest

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
RUN = ("run_dir", "epochs", "seed", "data")
"""What every command may be given: the folder of the run, its epochs, its seed, and the data set."""


def named_in(texts: Sequence[str]) -> list[str]:
    """The placeholders in `texts`, in order."""
    return [name for text in texts for name in _PLACEHOLDER.findall(text)]


def filled(text: str, values: Mapping[str, str]) -> str:
    """`text` with each placeholder replaced; `${env:NAME}` is a variable of the environment.

    Raises:
        SettingsError: the environment lacks a variable.
    """
    return _PLACEHOLDER.sub(lambda match: _value(match[1], values), text)


def _value(name: str, values: Mapping[str, str]) -> str:
    if name.startswith("env:"):
        variable = name.removeprefix("env:")
        if variable not in os.environ:
            raise SettingsError(f"${{{name}}}: the environment has no {variable}; set it where the sweep is launched")
        return os.environ[variable]
    return values[name]


def check(declaration: Declaration, has_data: bool) -> None:
    """Check that every placeholder is one and that every parameter arrives at the script.

    Raises:
        SettingsError: the first that is wrong.
    """
    check_parameters(declaration.parameters)
    parameters = declaration.all_parameters
    valid = [*RUN, "args", "resume", *(f"param.{name}" for name in parameters)]
    valid += ["args_file"] if declaration.args_file else []
    _check_names("command", declaration.command, valid)
    for placeholder in ("${args}", "${resume}"):
        if any(placeholder in element and element != placeholder for element in declaration.command):
            raise SettingsError(f"command: {placeholder} becomes many arguments, so it must be an element of its own")
    source = declaration.metric.source
    if source is not None:
        _check_names(f"metric.source.{source.kind}", [source.where], RUN)
    resume = declaration.checkpoint.resume if declaration.checkpoint else None
    if declaration.checkpoint:
        _check_names("checkpoint.path", [declaration.checkpoint.path], RUN)
        start = declaration.checkpoint.start
        if start is not None and start not in parameters:
            raise SettingsError(f"checkpoint.start is {start}; no such parameter; {nearest(start, parameters)}")
    if resume is not None:
        _check_names("checkpoint.resume", resume, [*RUN, "checkpoint"])
    used = named_in([*declaration.command, *(resume or [])])
    if "data" in used and not has_data:
        raise SettingsError("command: ${data} is used, but the sweep names no data; add `data: PATH`")
    _check_all_passed(declaration, used)
    _check_templates(declaration)


def _check_names(where: str, texts: Sequence[str], valid: Sequence[str]) -> None:
    for name in named_in(texts):
        if name not in valid and not name.startswith("env:"):
            raise SettingsError(f"{where}: ${{{name}}} is no placeholder here; {nearest(name, valid)}, env:NAME")
    for text in texts:
        if re.search(r"\$\{[^}]*$", text):
            raise SettingsError(f"{where}: {text!r} has a placeholder without its end; write ${{name}}")


def _check_all_passed(declaration: Declaration, used: Sequence[str]) -> None:
    passes_all = "args" in used or "args_file" in used
    for name, parameter in declaration.all_parameters.items():
        if passes_all or f"param.{name}" in used:
            continue
        verb = "is given" if parameter.kind == "fixed" else "is sampled"
        placeholder = "${args_file}" if declaration.args_file else "${args}"
        raise SettingsError(
            f"parameters.{name}: {name} {verb}, but never passed; add {placeholder} or ${{param.{name}}} to the command"
        )


def _check_templates(declaration: Declaration) -> None:
    templates = [(f"parameters.{name}.args", parameter.args) for name, parameter in declaration.all_parameters.items()]
    templates.append(("args", declaration.args))
    for where, template in templates:
        if template is None:
            continue
        for field in re.findall(r"\{([^{}]*)\}", template):
            if field not in ("name", "value"):
                raise SettingsError(f"{where}: {{{field}}} is not known; {nearest(field, ('name', 'value'))}")
        if "{value}" not in template:
            raise SettingsError(f"{where} is {template!r}; it must have {{value}}, as --{{name}}={{value}} does")
        if where == "args" and "{name}" not in template:
            raise SettingsError(f"args is {template!r}; it must have {{name}}, as --{{name}}={{value}} does")
