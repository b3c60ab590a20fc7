"""What may be drawn for one name, as a space gives it and as the user narrows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainables.errors import SettingsError, nearest

Value = float | int | str | bool
KEYS = ("low", "high", "log")
"""What a range of numbers is given by; `{choices: [a, b]}` and `[a, b]` are choices."""


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
        return value in self.choices if self.kind == "choice" else self.low <= value <= self.high

    def __str__(self) -> str:
        if self.kind == "choice":
            return " | ".join(map(str, self.choices))
        return f"{self.low:g} … {self.high:g}{' (log)' if self.log else ''}"


def is_range(chosen: Any) -> bool:
    """Whether a user's choice narrows a range (`{low: …, high: …}`, `[1, 2]`) rather than pins a value."""
    return isinstance(chosen, (Mapping, list))


def narrowed(name: str, default: Range, chosen: Mapping[str, Any] | Sequence[Any]) -> Range:
    """`default` with the user's bounds or choices in place of its own.

    Raises:
        SettingsError: bounds for a choice, choices for nothing, low above high, a name other than low, high, log.
    """
    if isinstance(chosen, Mapping) and set(chosen) == {"choices"} and isinstance(chosen["choices"], list):
        chosen = chosen["choices"]
    if isinstance(chosen, Mapping):
        return _bounded(name, default, chosen)
    if not chosen:
        raise SettingsError(f"set.{name} is an empty list; give at least one value")
    if any(value in chosen[:index] for index, value in enumerate(chosen)):
        raise SettingsError(f"set.{name} is {list(chosen)}; give each value once")
    if default.kind == "int" and not all(isinstance(value, int) for value in chosen):
        raise SettingsError(f"set.{name} is {list(chosen)}; every value must be a whole number")
    return Range("choice", choices=tuple(chosen), when=default.when)


def _bounded(name: str, default: Range, chosen: Mapping[str, Any]) -> Range:
    if default.kind == "choice":
        raise SettingsError(f"set.{name} is {dict(chosen)}; it is one of {default}: give a value or a list of values")
    for key in chosen:
        if key not in KEYS:
            raise SettingsError(f"set.{name}.{key} is not known; {nearest(str(key), (*KEYS, 'choices'))}")
    number = (int,) if default.kind == "int" else (int, float)
    low, high = chosen.get("low", default.low), chosen.get("high", default.high)
    for key, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not (isinstance(value, number) or value in (default.low, default.high)):
            rule = "a whole number" if default.kind == "int" else "a number"
            raise SettingsError(f"set.{name}.{key} is {value!r}; it must be {rule}")
    if low > high:
        raise SettingsError(f"set.{name}: low {low:g} is above high {high:g}; low must be at most high")
    log = chosen.get("log", default.log)
    if not isinstance(log, bool):
        raise SettingsError(f"set.{name}.log is {log!r}; it must be true or false")
    if log and low <= 0:
        raise SettingsError(f"set.{name}.low is {low:g}; a logarithmic range must begin above 0")
    return Range(default.kind, low, high, log, when=default.when)
