"""A search space is a function that draws values by name, one after the other, from a trial.

The function may look at what it drew before (`if draw.int("warmup_epochs", 0, 10): draw.float("warmup_start", …)`).
`Draw` puts the user's own choices in between: a pinned name is not asked of the trial at all, a narrowed one is asked
within the user's bounds. `ranges` runs the same function to list what it would ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from spaces.value_range import Range, Value, check_drawable, is_number, narrowed
from trainables.errors import SettingsError


class Trial(Protocol):
    """The part of `optuna.Trial` that a space uses."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


class Draw:
    """Draws values for one trial, with the user's pins and narrowed ranges applied.

    Attributes:
        values: what has been drawn so far, by name.
    """

    def __init__(self, trial: Trial, choices: Mapping[str, Any] | None = None) -> None:
        self._trial = trial
        self._choices = choices or {}
        self.values: dict[str, Any] = {}

    def asked(self, name: str) -> bool:
        """Whether the user gave `name` a value or a range. Some settings are drawn only then."""
        return name in self._choices

    def float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number between `low` and `high`, both included; on a logarithmic scale if `log`."""
        return float(self._draw(name, Range("float", low, high, log)))

    def int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number between `low` and `high`, both included."""
        return int(self._draw(name, Range("int", low, high, log)))

    def choice(self, name: str, choices: Sequence[Value]) -> Any:
        """One of `choices`."""
        return self._draw(name, Range("choice", choices=tuple(choices)))

    def _draw(self, name: str, default: Range) -> Any:
        chosen = self._choices.get(name, default)
        if chosen is None and default.kind != "choice":
            raise SettingsError(f"set.{name} is null; give it a number or a range, or leave it out")
        if isinstance(chosen, (Mapping, list)):
            chosen = narrowed(name, default, chosen)
        self.values[name] = self._ask(name, chosen) if isinstance(chosen, Range) else chosen
        return self.values[name]

    def _ask(self, name: str, span: Range) -> Any:
        if span.kind == "float":
            return self._trial.suggest_float(name, span.low, span.high, log=span.log)
        if span.kind == "int":
            return self._trial.suggest_int(name, int(span.low), int(span.high), log=span.log)
        return self._trial.suggest_categorical(name, list(span.choices))


Space = Callable[[Draw], None]


def drawn(space: Space, trial: Trial, choices: Mapping[str, Any]) -> dict[str, Any]:
    """What `space` draws from `trial` under the user's `choices`; pinned names have their pinned values."""
    draw = Draw(trial, choices)
    space(draw)
    return draw.values


def ranges(space: Space, choices: Mapping[str, Any] | None = None) -> dict[str, Range]:
    """Every name that `space` can ask for under the user's `choices`, in each branch of its conditions.

    Each choice, and the highest value of each whole number, is tried once. A condition on two names is found only if
    the second name is asked for under a value of the first.

    Example:
        def space(draw: Draw) -> None:
            if draw.int("warmup_epochs", 0, 10):
                draw.float("warmup_start", 0.1, 0.6)
            if draw.choice("optimizer", ["sgd", "adamw"]) == "adamw":
                draw.float("beta", 0.8, 0.99)

        The space runs once with the lowest or first value of everything, then once per other value of each name:

        | fixed               | names that are asked for                 |
        | ---                 | ---                                      |
        |                     | warmup_epochs, optimizer                 |
        | warmup_epochs = 10  | warmup_epochs, warmup_start, optimizer   |
        | optimizer = adamw   | warmup_epochs, optimizer, beta           |

        If a float has other bounds in another branch (a learning rate by optimizer), it gets the outermost bounds and
        `varies`.

        `warmup_start` is asked for at warmup_epochs 10 and not at 0, so its `when` is "warmup_epochs > 0". `beta` is
        asked for with adamw and not with sgd, so its `when` is "optimizer is adamw".

    Raises:
        SettingsError: nothing can be drawn from a range that `space` asks for, or `choices` are wrong.
    """
    listed: dict[str, Range] = {}
    tried: list[_Branch] = []
    branches: list[dict[str, Any]] = [{}]
    while branches:
        fixed = branches.pop(0)
        explorer = Explorer(fixed)
        space(Draw(explorer, choices))
        tried.append(_Branch(fixed, set(explorer.ranges)))
        for name, value in explorer.ranges.items():
            if name not in listed:
                listed[name] = replace(value, under=fixed)
                branches += [fixed | {name: other} for other in _others(value)]
            elif value.kind == "float":
                listed[name] = _hull(listed[name], value)
    return {name: replace(value, when=_when(name, listed, tried)) for name, value in listed.items()}


def _hull(listed: Range, other: Range) -> Range:
    """`listed` with its bounds as far out as those of `other`."""
    if (other.low, other.high) == (listed.low, listed.high):
        return listed
    return replace(listed, low=min(listed.low, other.low), high=max(listed.high, other.high), varies=True)


def drawable(space: Space, values: Mapping[str, Any], choices: Mapping[str, Any]) -> dict[str, Any] | None:
    """Those of `values` that `space` would have drawn under the user's `choices`; None if one is out of its range."""
    explorer = Explorer(values)
    space(Draw(explorer, choices))
    inside = all(values[name] in range_ for name, range_ in explorer.ranges.items())
    return {name: values[name] for name in explorer.ranges} if inside else None


def _others(span: Range) -> list[Value]:
    if span.kind == "int":
        return [int(span.high)]
    return list(span.choices[1:])


class _Branch(NamedTuple):
    """One run of a space: the answers that were fixed (the others were the first ones), and what it asked for."""

    fixed: Mapping[str, Any]
    names: set[str]


def _when(name: str, listed: Mapping[str, Range], tried: Sequence[_Branch]) -> str:
    """The conditions under which `name` is asked for, in words; alternatives follow after "or when"."""
    ways: list[dict[str, _Condition]] = []
    for branch in (_Branch(listed[name].under, {name}), *tried):
        if name in branch.names and not any(_leads(way, branch, listed) for way in ways):
            ways.append(_conditions(name, branch.fixed, listed, tried))
    return ", or when ".join(", ".join(condition.text for condition in way.values()) for way in ways)


class _Condition(NamedTuple):
    """The answers to one name under which another name is asked for, and the same in words."""

    leading: Sequence[Value]
    text: str


def _leads(way: Mapping[str, _Condition], branch: _Branch, listed: Mapping[str, Range]) -> bool:
    """Whether the answers of `branch` fulfil the conditions of `way`."""
    return all(branch.fixed.get(other, _first(listed[other])) in condition.leading for other, condition in way.items())


def _conditions(
    name: str, under: Mapping[str, Any], listed: Mapping[str, Range], tried: Sequence[_Branch]
) -> dict[str, _Condition]:
    """The conditions that lead to `name` under the answers `under`, by the name that is answered."""
    conditions: dict[str, _Condition] = {}
    for step in (*under, name):
        for other in listed:
            condition = _condition(step, under if step == name else listed[step].under, other, listed, tried)
            if condition is not None:
                conditions[other] = condition
    return conditions


def _first(span: Range) -> Value:
    return span.choices[0] if span.kind == "choice" else span.low


def _condition(
    name: str, under: Mapping[str, Any], other: str, listed: Mapping[str, Range], tried: Sequence[_Branch]
) -> _Condition | None:
    """The answers to `other` under which `name` is asked for, with all else as in `under`; None if any answer does."""
    span = listed[other]
    rest = {key: value for key, value in under.items() if key != other}
    first = _first(span)
    leading: list[Value] = []
    barred: list[Value] = []
    for value, fixed in ((first, rest), *((value, rest | {other: value}) for value in _others(span))):
        names = next((branch.names for branch in tried if branch.fixed == fixed), set())
        if other in names:
            (leading if name in names else barred).append(value)
    if not barred:
        return None
    if span.kind == "int":
        return _Condition(leading, f"{other} > {span.low:g}" if barred == [first] else f"{other} is {span.low:g}")
    return _Condition(leading, f"{other} is {' or '.join(map(str, leading))}")


class Explorer:
    """Stands in for a trial: answers with the values in `fixed`, else the lowest, and notes what was asked.

    A value in `fixed` that is no number is ignored if a number is asked for: a setting that was not drawn may be empty.

    Attributes:
        ranges: what was asked for, by name.
    """

    def __init__(self, fixed: Mapping[str, Any]) -> None:
        self._fixed = fixed
        self.ranges: dict[str, Range] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """See `Trial`."""
        return float(self._note(name, Range("float", low, high, log), low))

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """See `Trial`."""
        return int(self._note(name, Range("int", low, high, log), low))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """See `Trial`."""
        return self._note(name, Range("choice", choices=tuple(choices)), next(iter(choices), None))

    def _note(self, name: str, span: Range, value: Any) -> Any:
        check_drawable(name, span)
        self.ranges[name] = span
        fixed = self._fixed.get(name, value)
        return fixed if span.kind == "choice" or is_number(fixed) else value
