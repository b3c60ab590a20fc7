"""Expresses settings that were trained before as a draw from a present space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spaces.space import Draw, Space


def redrawn(
    space: Space, choices: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What `space` would have drawn to get `settings`, and the names whose values it cannot draw now.

    The space is run as for a new trial, under the user's `choices`, and gets the recorded values as answers. So it
    takes the branches that were trained, even if ranges, pins and conditions have changed since. If a name that it asks
    for is pinned now, its recorded value must be the pinned one.
    """
    recorded = _Recorded(settings)
    drawing = Draw(recorded, choices)
    space(drawing)
    differing = [name for name, value in drawing.values.items() if settings.get(name) != value]
    return drawing.values, tuple(dict.fromkeys([*recorded.outside, *differing]))


class _Recorded:
    """Stands in for a trial: answers with the recorded values, and notes those outside of the range asked for."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.outside: list[str] = []

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return float(self._take(name, low, lambda value: _is_number(value) and low <= value <= high))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return int(
            self._take(name, low, lambda value: _is_number(value) and value == int(value) and low <= value <= high)
        )

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._take(name, choices[0], lambda value: any(_same(value, choice) for choice in choices))

    def _take(self, name: str, instead: Any, possible: Callable[[Any], bool]) -> Any:
        value = self._settings.get(name)
        if possible(value):
            return value
        self.outside.append(name)
        return instead


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(value: Any, other: Any) -> bool:
    """Equality under which True is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)
