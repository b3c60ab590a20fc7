"""What a user wants the winner to reach: `map50_95 >= 0.45`, `val <= 1.2`, `map50_95 >= rgb-only + 0.02`.

A target names a metric or a held-out loss that the recipe reports, and the value that it must reach: a number, or the
value of one of the sweep's named trainings plus or minus a number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

_TARGET = re.compile(r"(?P<metric>\S.*?)\s*(?P<sign>>=|<=)\s*(?P<bound>\S.*)")
_OVER = re.compile(r"(?P<over>\S+)(?:\s+(?P<sign>[+-])\s+(?P<by>\S+))?")
EXAMPLES = "'map50_95 >= 0.45' or 'map50_95 >= baseline + 0.02'"


@dataclass(frozen=True)
class Target:
    """One target.

    Attributes:
        metric: the metric's name.
        sign: whether the metric must be at least (">=") or at most ("<=") the bound.
        over: the named training from whose value the bound is measured; "" if the bound is a plain number.
        amount: the bound, or its distance from that training's value.
    """

    metric: str
    sign: Literal[">=", "<="]
    over: str
    amount: float

    def bound(self, reference: float | None) -> float | None:
        """The value to reach.

        Args:
            reference: what the training `over` reached; None while that is unknown, which makes the bound unknown.
        """
        if not self.over:
            return self.amount
        return None if reference is None else reference + self.amount

    def is_met(self, value: float, bound: float) -> bool:
        """Whether `value` reaches `bound`."""
        return value >= bound if self.sign == ">=" else value <= bound

    def __str__(self) -> str:
        if not self.over:
            return f"{self.metric} {self.sign} {self.amount:g}"
        distance = f" {'-' if self.amount < 0 else '+'} {abs(self.amount):g}" if self.amount else ""
        return f"{self.metric} {self.sign} {self.over}{distance}"


def parse_target(text: str) -> Target:
    """The target that a user wrote.

    Raises:
        ValueError: it is no target; the message says which rule it breaks.
    """
    parts = _TARGET.fullmatch(text.strip())
    if parts is None:
        raise ValueError(f"has {text!r}; a target must be a metric, >= or <=, and a value, such as {EXAMPLES}")
    over, amount = _bound(parts["bound"], text)
    return Target(parts["metric"], ">=" if parts["sign"] == ">=" else "<=", over, amount)


def _bound(text: str, target: str) -> tuple[str, float]:
    """The training that the bound is measured from, or "", and the number."""
    number = _number(text)
    if number is not None:
        return "", number
    over = _OVER.fullmatch(text)
    by = _number(over["by"] or "0") if over else None
    if over is None or by is None:
        rule = "a number, or a named training with a number more or less"
        raise ValueError(f"has {target!r}; {text!r} must be {rule}, such as {EXAMPLES}")
    return over["over"], -by if over["sign"] == "-" else by


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
