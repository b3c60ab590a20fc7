"""A recipe without a model whose loss follows from its learning rate: best at 1e-2, lost from 1 on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from spaces.space import Draw
from tests.support.fakes import Curves
from trainables.recipe import Alarm, Epoch
from trainables.settings import Settings


class RatedSettings(Settings):
    """A rate and a warm-up."""

    epochs: int = Field(30, ge=1)
    lr: float = Field(1e-2, gt=0)
    warmup_epochs: int = Field(10, ge=0)
    seed: int = 0


class Rated(Curves):
    """A training that learns at its rate from the first epoch on only if there is no warm-up."""

    name: ClassVar[str] = "rated"
    settings_type = RatedSettings
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    @staticmethod
    def space(draw: Draw) -> None:
        draw.float("lr", 1e-4, 1e-1, log=True)

    def train(self, settings: RatedSettings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        for number in range(1, settings.epochs + 1):
            rate = settings.lr * min(1.0, number / (settings.warmup_epochs or 1))
            lost = rate >= 1.0
            share = math.exp(-((math.log10(rate) + 2) ** 2))
            yield Epoch(
                epoch=number,
                phase="main",
                metrics={} if lost else {"score": share},
                losses={"train": math.nan if lost else 10.0 - number * share},
                rates={"all": rate},
                seconds={"train": 0.1},
                save=lambda directory: None,
                alarm=Alarm("nonfinite", "weights of head are no longer finite") if lost else None,
            )
