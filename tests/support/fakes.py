"""Recipes without a model: the curve follows from the settings."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from search.sweep.plan import Plan, make_plan
from search.sweep.spec import SweepSpec
from spaces.space import Draw
from trainables.errors import DataError
from trainables.recipe import Alarm, Epoch, Recipe
from trainables.settings import Settings, parse


class CurveSettings(Settings):
    """The shape of a curve; an epoch of 0 stands for never."""

    epochs: int = Field(9, ge=1, description="epochs of the training")
    quality: float = Field(0.5, gt=0, le=1, description="what the metric rises to")
    noise: float = Field(0.0, ge=0, le=1, description="scatter of the metric")
    depth: int = Field(2, ge=1, le=4, description="changes nothing, but is searched")
    shape: Literal["fast", "slow"] = Field("fast", description="how fast the metric rises")
    diverge_at: int = Field(0, ge=0, description="epoch from which the loss is ten times what it was")
    nan_at: int = Field(0, ge=0, description="epoch from which the loss is no number")
    alarm_at: int = Field(0, ge=0, description="epoch at which the recipe gives up")
    first_value_at: int = Field(0, ge=0, description="epoch before which there is no metric")
    raise_at: int = Field(0, ge=0, description="epoch at which the code raises")
    weights: str = Field("none", description="where the training starts, which changes nothing")
    seed: int = 0


class Curves(Recipe[Any, Any]):
    """A training whose metric rises to `quality`."""

    name: ClassVar[str] = "curves"
    summary: ClassVar[str] = "draws a curve"
    metric: ClassVar[str] = "score"
    settings_type: type[Any] = CurveSettings
    baseline: ClassVar[str] = "steady"
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    @staticmethod
    def space(draw: Draw) -> None:
        draw.float("quality", 0.01, 1.0, log=True)
        draw.choice("shape", ["fast", "slow"])
        if draw.int("depth", 1, 3) > 1:
            draw.float("noise", 0.0, 0.1)

    def open(self, path: Path) -> Any:
        if not (path / "data.txt").is_file():
            raise DataError(f"{path / 'data.txt'}: no such file; write the sample data set")
        return path

    def sample(self, directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "data.txt").write_text("1\n")
        return directory

    def train(self, settings: Any, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        start = int(json.loads((resume / "state.json").read_text())["epoch"]) if resume else 0
        for number in range(start + 1, settings.epochs + 1):
            yield self.epoch(settings, number)

    def epoch(self, settings: CurveSettings, number: int) -> Epoch:
        """Epoch `number`, the same whatever came before it."""
        if number == settings.raise_at:
            raise RuntimeError("out of luck")
        speed = 2.0 if settings.shape == "fast" else 0.5
        scatter = random.Random(f"{settings.seed}/{number}").gauss(0, settings.noise)
        value = settings.quality * (1 - math.exp(-speed * number)) + scatter
        loss = 1.0 / number
        if settings.diverge_at and number >= settings.diverge_at:
            loss = 10.0
        if settings.nan_at and number >= settings.nan_at:
            loss = math.nan
        alarm = Alarm("nonfinite", "weights of head are no longer finite") if number == settings.alarm_at else None

        def save(directory: Path) -> None:
            (directory / "state.json").write_text(json.dumps({"epoch": number}))

        return Epoch(
            epoch=number,
            phase="main",
            metrics={} if alarm or number < settings.first_value_at else {"score": value, "error": 1 - value},
            losses={"train": loss, "val": loss},
            rates={"all": 1e-3},
            seconds={"train": 0.25, "evaluate": 0.25},
            save=save,
            alarm=alarm,
        )

    def start_settings(self, export: Path) -> dict[str, Any]:
        return {"weights": str(export / "checkpoint")}

    def export(self, settings: Any, directory: Path) -> list[Path]:
        path = directory / "curves.json"
        path.write_text(settings.model_dump_json())
        return [path]


class Errors(Curves):
    """The same curves as something to minimise."""

    name: ClassVar[str] = "errors"
    metric: ClassVar[str] = "error"
    mode: ClassVar[Literal["max", "min"]] = "min"


class Late(Curves):
    """The same curves; `slow` is known to be good as well as the baseline."""

    name: ClassVar[str] = "late"
    tried_first: ClassVar[tuple[str, ...]] = ("slow",)


class Fixed(Curves):
    """Nothing to search."""

    name: ClassVar[str] = "fixed"

    @staticmethod
    def space(draw: Draw) -> None:
        """Draws nothing."""


def spec_of(data: Path, **fields: Any) -> SweepSpec:
    """A small sweep of `Curves`; `fields` go on top."""
    values = {
        "name": "sweep",
        "recipe": "tests.support.fakes:Curves",
        "preset": "short",
        "data": str(data),
        "sampler": "random",
    }
    return parse(SweepSpec, values | fields, "test")


def plan_of(data: Path, **fields: Any) -> Plan:
    """The checked sweep of `spec_of`."""
    return make_plan(spec_of(data, **fields))
