"""The range of one name, as a space gives it and as the user narrows it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainables.errors import SettingsError, nearest

Value = float | int | str | bool
KEYS = ("low", "high", "log")
"""The keys of a range of numbers. `{choices: [a, b]}` and `[a, b]` are choices."""


@dataclass(frozen=True)
class Range:
    """What may be drawn for one name: bounds (both included) or choices.

    Attributes:
        kind: "float", "int" or "choice".
        low, high: bounds of a number.
        log: drawn evenly on a logarithmic scale.
        choices: the values of a choice.
        when: the earlier choices under which the name is drawn at all, such as "warmup_epochs > 0"; "" if always.
        under: those choices by name, with a value of each that leads here.
        varies: whether the bounds of a number depend on earlier choices; `low` and `high` are then the outermost.
    """

    kind: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Value, ...] = ()
    when: str = ""
    under: Mapping[str, Any] = field(default_factory=dict, compare=False)
    varies: bool = False

    def __contains__(self, value: Any) -> bool:
        """Whether `value` could be drawn from this range."""
        return value in self.choices if self.kind == "choice" else is_number(value) and self.low <= value <= self.high

    def __str__(self) -> str:
        if self.kind == "choice":
            return " | ".join(map(str, self.choices))
        return f"{self.low:g} … {self.high:g}{' (log)' if self.log else ''}"


def is_range(chosen: Any) -> bool:
    """Whether a user's choice narrows a range (`{low: …, high: …}`, `[1, 2]`) rather than pins a value."""
    return isinstance(chosen, (Mapping, list))


def is_number(value: Any, kind: str = "float") -> bool:
    """Whether `value` can be drawn from a range of that `kind`, "float" or "int": finite, and no true or false."""
    is_of_kind = isinstance(value, int if kind == "int" else (int, float)) and not isinstance(value, bool)
    return is_of_kind and abs(value) <= sys.float_info.max


def check_drawable(name: str, span: Range) -> None:
    """Refuse a range that a space asks for and from which nothing can be drawn.

    Raises:
        SettingsError: no choices, low above high, or a logarithmic scale that does not begin above 0.
    """
    if span.kind == "choice":
        if not span.choices:
            raise SettingsError(f"space: {name} has no choices; give at least one")
    elif not span.low <= span.high:
        raise SettingsError(f"space: {name}: low {span.low:g} is above high {span.high:g}; low must be at most high")
    elif span.log and span.low <= 0:
        raise SettingsError(f"space: {name}: low is {span.low:g}; a logarithmic range must begin above 0")


def listed(name: str, chosen: Mapping[str, Any] | Sequence[Any]) -> Sequence[Any] | None:
    """The choices of `[a, b]` or `{choices: [a, b]}`; None if `chosen` gives bounds.

    Raises:
        SettingsError: `choices` are no list, or bounds are beside them.
    """
    if not isinstance(chosen, Mapping):
        return chosen
    if "choices" not in chosen:
        return None
    if not isinstance(chosen["choices"], list) or len(chosen) > 1:
        raise SettingsError(
            f"set.{name} is {dict(chosen)}; choices must be a list, and stand alone: {{choices: [0.1, 0.2]}}"
        )
    return chosen["choices"]


_RULES = {"float": "a number", "int": "a whole number"}


def narrowed(name: str, default: Range, chosen: Mapping[str, Any] | Sequence[Any]) -> Range:
    """`default` with the user's bounds or choices in place of its own.

    Raises:
        SettingsError: bounds for a choice, choices for nothing, low above high, a name other than low, high, log.
    """
    choices = listed(name, chosen)
    if choices is None:
        return _bounded(name, default, dict(chosen))
    if not choices:
        raise SettingsError(f"set.{name} is an empty list; give at least one value")
    if any(value in choices[:index] for index, value in enumerate(choices)):
        raise SettingsError(f"set.{name} is {list(choices)}; give each value once")
    if default.kind != "choice" and not all(is_number(value, default.kind) for value in choices):
        raise SettingsError(f"set.{name} is {list(choices)}; every value must be {_RULES[default.kind]}")
    return Range("choice", choices=tuple(choices), when=default.when)


def _bounded(name: str, default: Range, chosen: Mapping[str, Any]) -> Range:
    if default.kind == "choice":
        raise SettingsError(f"set.{name} is {dict(chosen)}; it is one of {default}: give a value or a list of values")
    for key in chosen:
        if key not in KEYS:
            raise SettingsError(f"set.{name}.{key} is not known; {nearest(str(key), (*KEYS, 'choices'))}")
    low, high = chosen.get("low", default.low), chosen.get("high", default.high)
    for key, value in (("low", low), ("high", high)):
        as_default = not isinstance(value, bool) and value in (default.low, default.high)
        if not as_default and not is_number(value, default.kind):
            raise SettingsError(f"set.{name}.{key} is {value!r}; it must be {_RULES[default.kind]}")
    if low > high:
        raise SettingsError(f"set.{name}: low {low:g} is above high {high:g}; low must be at most high")
    log = chosen.get("log", default.log)
    if not isinstance(log, bool):
        raise SettingsError(f"set.{name}.log is {log!r}; it must be true or false")
    if log and low <= 0:
        raise SettingsError(f"set.{name}.low is {low:g}; a logarithmic range must begin above 0")
    return Range(default.kind, low, high, log, when=default.when)
