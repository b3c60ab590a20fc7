"""Configurations as points of a cube, for models that measure how far apart two of them are."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spaces.space import Space, drawn
from spaces.value_range import Range, is_number

STEP = 0.15
"""Standard deviation of the step to a near number, as a share of its range."""
NUMBERS_KEPT = 0.5
"""Share of a configuration's numbers that a near configuration keeps."""
CHOICES_KEPT = 0.9
"""Share of its choices that a near configuration keeps: another optimizer or model is more than a step."""


@dataclass(frozen=True)
class Configurations:
    """Where new configurations come from, and how a model sees them.

    Attributes:
        draw: returns new configurations, the same for the same arguments. Its arguments are how many trials have
            started, configurations to be near, and whether near means a few steps from one of these (else it means
            half of its values). Only a part of the new ones is near. They may be drawn lazily: 200 take some 40 ms.
        point: returns the coordinates of a configuration, each from 0 to 1.
    """

    draw: Callable[[int, Sequence[Mapping[str, Any]], bool], Iterable[dict[str, Any]]]
    point: Callable[[Mapping[str, Any]], Sequence[float]]


def point(values: Mapping[str, Any], ranges: Mapping[str, Range]) -> list[float]:
    """`values` as coordinates from 0 to 1, in the order of the names.

    A number has one coordinate, on its range's scale. A choice of two has one, a choice of more has one for each value.
    A number that was not drawn (its branch was not taken), or that is empty, is in the middle. A value of a named
    training outside of the range is on the edge.
    """
    coordinates: list[float] = []
    for name, span in sorted(ranges.items()):
        if span.kind == "choice":
            choices = span.choices if len(span.choices) > 2 else span.choices[:1]
            coordinates += [float(values.get(name) == choice) for choice in choices]
        else:
            coordinates.append(share(values[name], span) if is_number(values.get(name)) else 0.5)
    return coordinates


def share(value: float, span: Range) -> float:
    """How far up its range a number lies, from 0 to 1, on the range's scale; 0.5 if the range is a single number."""
    if span.high <= span.low:
        return 0.5
    scale = math.log if span.log else float
    if span.log and value <= 0:
        return 0.0
    return min(1.0, max(0.0, (scale(value) - scale(span.low)) / (scale(span.high) - scale(span.low))))


def number_at(where: float, span: Range) -> float:
    """The number at the share `where` of its range, on the range's scale."""
    if span.log:
        value = math.exp(math.log(span.low) + where * (math.log(span.high) - math.log(span.low)))
    else:
        value = span.low + where * (span.high - span.low)
    return min(span.high, max(span.low, value))


def at_random(
    space: Space, choices: Mapping[str, Any], seed: int, usual: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What `space` draws at random under the user's `choices`.

    Each of the `usual` values is taken with a probability of one half, if it lies in its range.
    """
    return drawn(space, _Blind(random.Random(seed), usual or {}), choices)


def stepped(space: Space, choices: Mapping[str, Any], seed: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """What `space` draws, under the user's `choices`, a few steps from the configuration `values`.

    About half of its numbers stay. The others move by a normal step of `STEP` of their range, on the range's scale, and
    are reflected at its ends. Nine in ten of its choices stay. A value that is missing in `values`, or outside of its
    range, is drawn evenly.
    """
    return drawn(space, _Stepping(random.Random(seed), values), choices)


class _Blind:
    """Stands in for a trial: answers at random, evenly on each range's scale or with the usual value."""

    def __init__(self, draw: random.Random, usual: Mapping[str, Any]) -> None:
        self._draw = draw
        self._usual = usual

    def _keeps(self, name: str, span: Range) -> bool:
        return name in self._usual and self._usual[name] in span and self._draw.random() < 0.5

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if self._keeps(name, Range("float", low, high)):
            return float(self._usual[name])
        if log:
            return min(high, max(low, math.exp(self._draw.uniform(math.log(low), math.log(high)))))
        return self._draw.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        if self._keeps(name, Range("int", low, high)):
            return int(self._usual[name])
        if log:  # as in Optuna: each whole number stands for the half on either side of it
            value = math.exp(self._draw.uniform(math.log(low - 0.5), math.log(high + 0.5)))
            return min(high, max(low, round(value)))
        return self._draw.randint(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if self._keeps(name, Range("choice", choices=tuple(choices))):
            return self._usual[name]
        return self._draw.choice(choices)


class _Stepping(_Blind):
    """Stands in for a trial: answers with the usual values, or numbers near them."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        span = Range("float", low, high, log=log)
        return self._moved(name, span) if self._knows(name, span) else super().suggest_float(name, low, high, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        span = Range("int", low, high, log=log)
        is_near = self._knows(name, span)
        return round(self._moved(name, span)) if is_near else super().suggest_int(name, low, high, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if self._knows(name, Range("choice", choices=tuple(choices))) and self._draw.random() < CHOICES_KEPT:
            return self._usual[name]
        return self._draw.choice(choices)

    def _knows(self, name: str, span: Range) -> bool:
        return name in self._usual and self._usual[name] in span

    def _moved(self, name: str, span: Range) -> float:
        if self._draw.random() < NUMBERS_KEPT:
            return float(self._usual[name])
        where = abs(share(self._usual[name], span) + self._draw.gauss(0, STEP))
        return number_at(max(0.0, min(where, 2 - where)), span)
