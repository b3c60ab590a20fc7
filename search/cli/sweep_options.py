"""The options of `launch`: one for each field of `SweepSpec`, with the field's own description as its help text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from search.cli import options
from search.sweep.spec import OF_RECIPES, SCRIPT_FIELDS, SweepSpec
from trainables.settings import parse_value

WITHOUT_OPTION = (*SCRIPT_FIELDS, "earlier_stages")
"""Fields without an option: what describes a script is too long for a command line, the other is filled in."""

_PAGE = re.compile(r"\[[^]]*\]\(([^)]*)\)")
"""A link of a description to a page of docs/."""
PAIRS = {"limits": "epoch_seconds=30", "stability": "train_factor=3", "tracks": "every=5"}
"""Pairs to show after a wrong option, by field."""


def with_sweep_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb` with an option for each field of a sweep in place of its `**fields`; they follow its first parameter.

    Typer reads the options from a function's signature, so the signature is what is generated.
    """
    signature = inspect.signature(verb, eval_str=True)
    first, *others = (
        # keyword-only, so that the generated ones may stand between
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    )
    fields = {name: field for name, field in SweepSpec.model_fields.items() if name not in WITHOUT_OPTION}
    generated = [_parameter(name, field) for name, field in fields.items()]
    verb.__signature__ = signature.replace(parameters=[first, *generated, *others])  # type: ignore[attr-defined]
    return verb


def field_values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were used, as fields of a sweep; `arguments` are the texts by field, None where unused.

    Pairs `name=value` become mappings, and texts for a field of several types are parsed as YAML.

    Raises:
        SettingsError: a text is no valid YAML, or no pair where one is needed.
    """
    values: dict[str, Any] = {}
    for name, argument in arguments.items():
        if argument in (None, []):
            continue
        field_type, option = _field_type(SweepSpec.model_fields[name]), _option(name)
        if name in OF_RECIPES and isinstance(argument, list) and len(argument) == 1 and "=" not in argument[0]:
            values[name] = parse_value(argument[0], option)  # such as --tracks true
        elif _is_mapping(field_type):
            values[name] = options.pairs(argument, option, PAIRS.get(name, "lr=1e-3"))
        elif _is_union(field_type):
            values[name] = parse_value(argument, option)
        else:
            values[name] = argument
    if "limits" in values:  # on the command line a limit is only its highest value
        values["limits"] = {measure: {"high": high} for measure, high in values["limits"].items()}
    return values


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """One option; it is None unless used, since the sweep file stands between it and the field's default."""
    field_type, option = _field_type(field), _option(name)
    repeatable = _is_mapping(field_type) or get_origin(field_type) is list
    annotation: Any = list[str] if repeatable else field_type if field_type in (bool, int, float) else str
    names = f"{option}/--no-{option.removeprefix('--')}" if field_type is bool else option
    metavar = "NAME=VALUE" if _is_mapping(field_type) else "NAME" if repeatable else None
    if get_origin(field_type) is Literal:
        metavar = "|".join(get_args(field_type))
    help_text = _PAGE.sub(r"docs/\1", field.description or "")
    if repeatable:
        help_text += "; may be repeated"
    if field.default not in (None, ..., "", [], {}) and not field.is_required() and not _is_mapping(field_type):
        help_text += f" (default: {_short(field.default)})"
    information = typer.Option(names, help=help_text, metavar=metavar)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation | None, information]
    )


def _short(default: Any) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _field_type(field: FieldInfo) -> Any:
    """The type of a field's values, without None."""
    members = [member for member in get_args(field.annotation) if member is not NoneType]
    return members[0] if _is_union(field.annotation) and len(members) == 1 else field.annotation


def _is_union(field_type: Any) -> bool:
    return get_origin(field_type) in (Union, UnionType)


def _is_mapping(field_type: Any) -> bool:
    origin = get_origin(field_type) or field_type
    return origin is dict or (isinstance(origin, type) and issubclass(origin, BaseModel))
