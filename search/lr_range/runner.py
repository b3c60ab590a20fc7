"""Runs a learning rate range test on a recipe; prints its table and writes its range as a sweep file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from search.lr_range.finding import RateRange, RateResult
from spaces import registry as space_registry
from spaces.space import ranges
from trainables import registry
from trainables.errors import SettingsError, nearest
from trainables.metric_text import metric_text
from trainables.recipe import AnyRecipe
from trainables.standalone import open_data

WARMUP = "warmup_epochs"
"""Set to 0 unless the user sets it: the short trainings would end within the warm-up, below the rate under test."""
FAILURES_IN_A_ROW = 2
"""Consecutive failed rates that end the test: higher rates fail too."""


@dataclass(frozen=True)
class RangeTest:
    """What is trained.

    Attributes:
        recipe: its name, or module:Class.
        data, preset: as for a sweep.
        values: the user's settings on top.
        field: the setting that is the learning rate.
        epochs: of each short training; the RefDet few-shot guide (document 003) has 5.
    """

    recipe: str
    data: Path
    preset: str
    values: Mapping[str, Any]
    field: str = "lr"
    epochs: int = 5

    def checked_recipe(self) -> AnyRecipe:
        """The recipe, after a check that it has such a setting.

        Raises:
            SettingsError: it has none, or `epochs` is below 1.
        """
        recipe = registry.find_installed(self.recipe)
        fields = recipe.settings_type.model_fields
        if self.field not in fields:
            raise SettingsError(
                f"--field is {self.field}; it is no setting of {recipe.name}; {nearest(self.field, fields)}"
            )
        if self.epochs < 1:
            raise SettingsError(f"epochs is {self.epochs}; it must be at least 1")
        return recipe

    def overrides(self, rate: float) -> dict[str, Any]:
        """The settings of the training at `rate`, on top of the preset."""
        no_warmup = {WARMUP: 0} if WARMUP in self.checked_recipe().settings_type.model_fields else {}
        return {**no_warmup, **self.values, self.field: rate}

    def bounds(self) -> tuple[float, float]:
        """Lowest and highest rate to try: a factor of 10 beyond the range in the recipe's space; 1e-6 to 1 if none."""
        searched = ranges(space_registry.find(self.checked_recipe())).get(self.field)
        return (1e-6, 1.0) if searched is None or searched.low <= 0 else (searched.low / 10, searched.high * 10)


def run(test: RangeTest, rates: Sequence[float], out: Path) -> Iterator[RateResult]:
    """Train at each of the rising `rates` from the same weights; ends early when `FAILURES_IN_A_ROW` fail.

    Each training is the first epochs of a full one; its settings are those of `test.overrides`.

    Raises:
        SteadytuneError: settings or data are wrong.
    """
    recipe = test.checked_recipe()
    settings_by_rate = [recipe.settings(test.preset, test.overrides(rate)) for rate in rates]
    data = open_data(recipe, test.data)
    workdir = out / "work"
    workdir.mkdir(parents=True, exist_ok=True)
    in_a_row = 0
    for rate, settings in zip(rates, settings_by_rate, strict=True):
        losses: list[float] = []
        metric, failure = None, "it trained no epoch"
        for epoch in islice(recipe.train(settings, data, workdir), test.epochs):
            losses.append(epoch.losses.get("train", math.nan))
            metric = epoch.metrics.get(recipe.metric)
            failure = epoch.alarm.detail if epoch.alarm else "" if math.isfinite(losses[-1]) else f"loss {losses[-1]}"
            if failure:
                break
        yield RateResult(rate, tuple(losses), metric, failure)
        in_a_row = in_a_row + 1 if failure else 0
        if in_a_row == FAILURES_IN_A_ROW:
            return


def result_line(result: RateResult, metric: str) -> str:
    """One training as a line of text."""
    if result.failed:
        epoch = f" in epoch {len(result.losses)}" if result.losses else ""
        return f"rate {result.rate:.3g}: failed{epoch}: {result.failed}"
    value = "" if result.metric is None else f", {metric} {metric_text(result.metric)}"
    return f"rate {result.rate:.3g}: loss {result.losses[0]:.4g} to {result.loss:.4g}{value}"


def result_table(results: Sequence[RateResult], rate_range: RateRange, metric: str) -> Table:
    """All trainings, with remarks: in the range to search, lowest loss, blows up, why it failed."""
    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for column in ("rate", "first loss", "last loss", metric, ""):
        table.add_column(column, justify="left" if not column else "right")
    for result in results:
        remarks = [
            "to search" if rate_range.low <= result.rate <= rate_range.high else "",
            "lowest loss" if result.rate == rate_range.best else "",
            "blows up" if rate_range.blow_up is not None and result.rate >= rate_range.blow_up else "",
            result.failed,
        ]
        first = f"{result.losses[0]:.4g}" if result.losses else "–"
        last = f"{result.loss:.4g}" if math.isfinite(result.loss) else "–"
        remark = ", ".join(filter(None, remarks))
        table.add_row(f"{result.rate:.3g}", first, last, metric_text(result.metric), remark)
    return table


def write_sweep_file(test: RangeTest, rate_range: RateRange, path: Path) -> None:
    """Write a sweep file that searches the range, for `steadytune launch`."""
    settings = {name: value for name, value in test.values.items() if name != test.field}
    bounds = {"low": _two_digits(rate_range.low), "high": _two_digits(rate_range.high)}
    fields = {
        "recipe": test.recipe,
        "preset": test.preset,
        "data": str(test.data.absolute()),
        "set": {**settings, test.field: bounds},
    }
    path.write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")


def _two_digits(rate: float) -> float:
    return float(f"{rate:.2g}")
