"""Settings that are searched only because the user gave them a range: those that a recipe's own space leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from spaces.space import Draw, Space, ranges
from spaces.value_range import is_number, is_range, listed
from trainables.errors import SettingsError
from trainables.settings import check_value

NEVER = frozenset({"epochs", "seed"})
"""Settings that never get a range: the same for all trials of a sweep, or drawn by the sweep itself."""


def with_added(space: Space, settings_type: type[BaseModel], choices: Mapping[str, Any]) -> Space:
    """A space that draws what `space` draws, and then each other setting to which the user's `choices` give a range."""
    drawn_by_space = ranges(space)
    fields = settings_type.model_fields
    extra = [
        name
        for name, chosen in choices.items()
        if name in fields
        and name not in drawn_by_space
        and name not in NEVER
        and gives_range(settings_type, name, chosen)
    ]
    if not extra:
        return space

    def extended(draw: Draw) -> None:
        space(draw)
        for name in extra:
            draw_added(draw, name, choices[name], settings_type)

    return extended


def gives_range(settings_type: type[BaseModel], name: str, chosen: Any) -> bool:
    """Whether `chosen` is a range. A list is a value if the setting itself is a list, such as a size."""
    field = settings_type.model_fields.get(name)
    is_list = isinstance(chosen, list) and field is not None and get_origin(field.annotation) is tuple
    return is_range(chosen) and not is_list


def check_choices(settings_type: type[BaseModel], choices: Mapping[str, Any], owner: str) -> None:
    """Refuse choices that a setting cannot have, before a space looks at them; `owner` begins the complaint.

    Numbers are left to the ranges themselves.

    Raises:
        SettingsError: the first that is wrong.
    """
    for name, chosen in choices.items():
        if name not in settings_type.model_fields or number_type(settings_type, name) is not None:
            continue
        for value in (listed(name, chosen) if gives_range(settings_type, name, chosen) else None) or ():
            check_value(settings_type, name, value, owner)


def draw_added(draw: Draw, name: str, chosen: Any, settings_type: type[BaseModel]) -> None:
    """Draw a setting within the range that the user gave it.

    Raises:
        SettingsError: it has no bounds of its own, and the user left one out or it is no number.
    """
    choices = listed(name, chosen)
    if choices is not None:
        draw.choice(name, choices)
        return
    kind = number_type(settings_type, name)
    if kind is None:
        raise SettingsError(f"set.{name} is {dict(chosen)}; {name} is no number: give a list of values")
    for bound in ("low", "high"):
        if not is_number(chosen.get(bound), kind.__name__):
            numbers = "whole numbers" if kind is int else "numbers"
            raise SettingsError(
                f"set.{name} is {dict(chosen)}; {name} has no range of its own, so low and high must be {numbers}"
            )
    log = chosen.get("log") is True
    if kind is int:
        draw.int(name, chosen["low"], chosen["high"], log=log)
    else:
        draw.float(name, chosen["low"], chosen["high"], log=log)


def number_type(settings_type: type[BaseModel], name: str) -> type | None:
    """The type of the setting: `int` or `float`, even if it may also be None; None if it is no number."""
    annotation = settings_type.model_fields[name].annotation
    members = [member for member in get_args(annotation) if member is not NoneType] or [annotation]
    return float if float in members else int if int in members else None
