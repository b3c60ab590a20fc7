"""The metric that a sweep optimises: a recipe's own, another that it reports, or a weighted sum of several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from trainables.errors import SettingsError, nearest
from trainables.settings import Settings

Patterns = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]
"""Regular expressions; a text alone is one."""


class Source(Settings):
    """Where a script writes down its epochs: one of the kinds of file, and how epochs are counted in it."""

    csv: str | None = Field(None, description="a table with a row for each epoch")
    jsonl: str | None = Field(None, description="a JSON object on each line")
    stdout: Patterns | None = Field(
        None, description="regular expressions for lines of the output; named groups are epoch, metrics and losses"
    )
    tensorboard: str | None = Field(None, description="a folder with TensorBoard's event files")
    mlflow: Literal["run"] | None = Field(None, description="run: what the script logs to MLflow")
    ultralytics: str | None = Field(None, description="Ultralytics' results.csv")
    yolox: str | None = Field(None, description="YOLOX's train_log.txt")
    lightning: str | None = Field(None, description="metrics.csv of Lightning's CSVLogger")
    trainer_state: str | None = Field(None, description="the output folder of Hugging Face's Trainer")
    epoch: str | None = Field(None, description="the column, key or tag that counts epochs; epoch, or the step")
    every: int = Field(1, ge=1, description="steps of an epoch, where `epoch` counts steps")
    first: Literal[0, 1] | None = Field(None, description="the number of the first epoch; seen by its first row")
    rows: Literal["epoch", "step"] = Field(
        "epoch", description="step: an epoch has several rows, and its last values count"
    )
    late: int = Field(0, ge=0, description="epochs after which a metric may still come")

    @model_validator(mode="after")
    def _is_one_kind(self) -> Source:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            listed = "none is given" if not kinds else f"{' and '.join(kinds)} are given"
            raise ValueError(f"must have exactly one of {', '.join(KINDS)}; {listed}")
        return self

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def where(self) -> str:
        """The file or folder, with placeholders; "" for the kinds without one."""
        return "" if self.kind in ("stdout", "mlflow") else str(getattr(self, self.kind))


KINDS = ("csv", "jsonl", "stdout", "tensorboard", "mlflow", "ultralytics", "yolox", "lightning", "trainer_state")


def _by_name(metric: Any) -> Any:
    return {"name": metric} if isinstance(metric, str) else metric


def _as_pair(bounds: Any) -> Any:
    """A list of two numbers, as YAML has it, as a pair."""
    if isinstance(bounds, (list, tuple)) and all(isinstance(bound, (int, float)) for bound in bounds):
        # Beside an infinite bound all projected values would be equal.
        if len(bounds) != len(("low", "high")) or not -math.inf < bounds[0] < bounds[1] < math.inf:
            raise ValueError(
                "must be the lowest and the highest value that the metric can have, two finite numbers such as [0, 1]; "
                "leave bounds out if one is not known"
            )
        return tuple(map(float, bounds))
    return bounds


Bounds = tuple[float, float]
"""The lowest and the highest value that a metric can have."""
Mode = Literal["max", "min"]
Reports = Mapping[str, Mode | None]
"""Names of metrics, and which of their values are better, None where that is not known; * stands for any text."""
ANY_METRIC = "*"


def reported_as(name: str, reports: Reports) -> str | None:
    """The name among `reports` that stands for the metric `name`: itself, or one with a *; None if none does."""
    if name in reports:
        return name
    return next((pattern for pattern in reports if "*" in pattern and fnmatchcase(name, pattern)), None)


def check_reported(name: str, reports: Reports, owner: str) -> None:
    """Refuse a metric that is not among `reports`; `owner` begins the sentence.

    Raises:
        SettingsError: it is not.
    """
    if reported_as(name, reports) is None:
        raise SettingsError(f"{owner} reports no {name!r}; {nearest(name, reports)}")


def better(name: str, reports: Reports) -> Mode | None:
    """Which values of the metric `name` are better, where that is known."""
    return reports.get(reported_as(name, reports) or "")


class Objective(Settings):
    """What is optimised."""

    name: str = Field(min_length=1, description="the metric's name, or the name of the sum")
    mode: Mode | None = Field(
        None, description="whether higher (max) or lower values are better; may be left out where the recipe says it"
    )
    sum: dict[str, float] = Field({}, description="the metric is the sum of these, each times its weight")
    bounds: Annotated[Bounds, BeforeValidator(_as_pair)] | None = Field(
        None,
        description="the lowest and the highest value that it can have, [0, 1]; the recipe's own if not given. "
        "Projections stay within it",
    )
    source: Source | None = Field(None, description="where a script writes it; only for `recipe: command`")
    losses: list[str] = Field([], description="a script's training losses, whose sum the stability rules look at")
    held_out_losses: list[str] = Field([], description="the same on held-out data")
    rates: list[str] = Field([], description="a script's learning rates")

    @property
    def parts(self) -> list[str]:
        """The metrics that it takes."""
        return list(self.sum) or [self.name]

    def of_recipe(self, known_bounds: Mapping[str, Bounds]) -> dict[str, Any]:
        """The class attributes of a recipe that optimises it, where the bounds of other metrics are `known_bounds`."""
        return {"metric": self.name, "mode": self.mode, "bounds": self.with_bounds(known_bounds)}

    def with_bounds(self, known_bounds: Mapping[str, Bounds]) -> dict[str, Bounds]:
        """The `known_bounds` and its own: as given, or as they follow from those of the metrics that it takes."""
        if self.bounds:
            return {**known_bounds, self.name: self.bounds}
        if any(name not in known_bounds for name in self.parts):
            return {name: bounds for name, bounds in known_bounds.items() if name != self.name}
        weights = self.sum or {self.name: 1.0}
        ends = [sorted(weight * end for end in known_bounds[name]) for name, weight in weights.items()]
        return {**known_bounds, self.name: (math.fsum(low for low, _ in ends), math.fsum(high for _, high in ends))}

    def value(self, metrics: Mapping[str, float]) -> float | None:
        """Its value in an epoch; None where a metric that it needs was not reported."""
        if any(name not in metrics for name in self.parts):
            return None
        if not self.sum:
            return metrics[self.name]
        return math.fsum(weight * metrics[name] for name, weight in self.sum.items())

    def with_value(self, metrics: Mapping[str, float], owner: str) -> dict[str, float]:
        """The metrics of an evaluated epoch with the objective among them.

        Args:
            metrics: of the epoch.
            owner: the recipe that reports them.

        Raises:
            SettingsError: `owner`, the recipe, does not report one that it needs.
        """
        if not metrics:
            return {}
        for name in self.parts:
            check_reported(name, dict.fromkeys(metrics), f"metric: {owner}")
        value = self.value(metrics)
        assert value is not None
        return {**metrics, self.name: value}


Metric = Annotated[Objective, BeforeValidator(_by_name)]
"""An objective; a name alone is one of a recipe's metrics."""


def with_mode(objective: Objective) -> Objective:
    """The objective, of which it must be known what is better.

    Raises:
        SettingsError: it is not.
    """
    if objective.mode is None:
        raise SettingsError(
            f"metric is {objective.name!r}; say whether higher or lower values are better: metric: "
            f"{{name: {objective.name}, mode: max}}"
        )
    return objective
