"""Runs a learning rate range test on a recipe and writes what it found: a figure, and a sweep's beginning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from search.lr_range.finding import Finding, Tried
from spaces import registry as space_registry
from spaces.space import ranges
from trainables import registry
from trainables.errors import SettingsError, nearest
from trainables.recipe import AnyRecipe

WARMUP = "warmup_epochs"
"""Switched off unless the user sets it: the short trainings would end in a warm-up, below the rate they are to try."""
LOST_IN_A_ROW = 2
"""So many rates lost one after the other end the test."""


@dataclass(frozen=True)
class RangeTest:
    """What is trained.

    Attributes:
        recipe: its name, or module:Class.
        data, preset: as for a sweep.
        values: the user's settings on top.
        field: the setting that is the learning rate.
        epochs: of each short training; document 003 has 5.
    """

    recipe: str
    data: Path
    preset: str
    values: Mapping[str, Any]
    field: str = "lr"
    epochs: int = 5

    def found(self) -> AnyRecipe:
        """The recipe, once it is clear that it has such a setting.

        Raises:
            SettingsError: it has none, or too few epochs are asked for.
        """
        recipe = registry.find(self.recipe)
        fields = recipe.settings_type.model_fields
        if self.field not in fields:
            raise SettingsError(
                f"field is {self.field}; it is no setting of {recipe.name}; {nearest(self.field, fields)}"
            )
        if self.epochs < 1:
            raise SettingsError(f"epochs is {self.epochs}; it must be at least 1")
        return recipe

    def overrides(self, rate: float) -> dict[str, Any]:
        """The settings of the training at `rate`, on top of the preset."""
        off = {WARMUP: 0} if WARMUP in self.found().settings_type.model_fields else {}
        return {**off, **self.values, self.field: rate}

    def bounds(self) -> tuple[float, float]:
        """Where to look: a decade beyond what the recipe's space searches on either side; 1e-6 to 1 if it does not."""
        searched = ranges(space_registry.find(self.found())).get(self.field)
        return (1e-6, 1.0) if searched is None or searched.low <= 0 else (searched.low / 10, searched.high * 10)


def run(test: RangeTest, rising: Sequence[float], out: Path) -> Iterator[Tried]:
    """Train at each of the `rising` rates from the same weights; ends early once they are lost one after the other.

    Each training is the first epochs of a whole one; its settings are those of `test.overrides`.

    Raises:
        SteadytuneError: settings or data are wrong.
    """
    recipe = test.found()
    settings = [recipe.settings(test.preset, test.overrides(rate)) for rate in rising]
    data = recipe.open(test.data)
    workdir = out / "work"
    workdir.mkdir(parents=True, exist_ok=True)
    in_a_row = 0
    for rate, each in zip(rising, settings, strict=True):
        losses: list[float] = []
        metric, lost = None, ""
        for epoch in islice(recipe.train(each, data, workdir), test.epochs):
            losses.append(epoch.losses.get("train", math.nan))
            metric = epoch.metrics.get(recipe.metric)
            lost = epoch.alarm.detail if epoch.alarm else "" if math.isfinite(losses[-1]) else f"loss {losses[-1]}"
            if lost:
                break
        yield Tried(rate, tuple(losses), metric, lost)
        in_a_row = in_a_row + 1 if lost else 0
        if in_a_row == LOST_IN_A_ROW:
            return


def line(one: Tried, metric: str) -> str:
    """One training in words."""
    if one.failed:
        return f"rate {one.rate:.3g}: lost in epoch {len(one.losses)}: {one.failed}"
    reached = "" if one.metric is None else f", {metric} {one.metric:.4f}"
    return f"rate {one.rate:.3g}: loss {one.losses[0]:.4g} to {one.loss:.4g}{reached}"


def table(tried: Sequence[Tried], found: Finding, metric: str) -> Table:
    """All trainings, with what was found beside them."""
    shown = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("rate", "first loss", "last loss", metric, ""):
        shown.add_column(column, justify="left" if not column else "right")
    for one in tried:
        words = [
            "to search" if found.low <= one.rate <= found.high else "",
            "lowest loss" if one.rate == found.best else "",
            "blows up" if found.blow_up is not None and one.rate >= found.blow_up else "",
            one.failed,
        ]
        first = f"{one.losses[0]:.4g}" if one.losses else "–"
        last = f"{one.loss:.4g}" if math.isfinite(one.loss) else "–"
        reached = "–" if one.metric is None else f"{one.metric:.4f}"
        shown.add_row(f"{one.rate:.3g}", first, last, reached, ", ".join(word for word in words if word))
    return shown


def write_fragment(test: RangeTest, found: Finding, path: Path) -> None:
    """The beginning of a sweep that searches the range: `steadytune launch` takes it."""
    chosen = {name: value for name, value in test.values.items() if name != test.field}
    bounds = {"low": _rounded(found.low), "high": _rounded(found.high)}
    values = {
        "recipe": test.recipe,
        "preset": test.preset,
        "data": str(test.data.absolute()),
        "set": {**chosen, test.field: bounds},
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
