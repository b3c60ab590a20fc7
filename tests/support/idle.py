"""A recipe that does nothing, or waits: what is left of a sweep's time is the tool's own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from spaces.space import Draw
from trainables.recipe import Epoch, Recipe
from trainables.settings import Settings


def pay_for_torch() -> None:
    """What every real training does first; torch imports another half of itself with the first optimizer."""
    import torch

    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


class IdleSettings(Settings):
    """What the idle recipe reads."""

    epochs: int = Field(3, ge=1)
    x: float = Field(0.5, ge=0, le=1)
    pause: float = Field(0.0, ge=0)
    imports: bool = False
    seed: int = 0


class Idle(Recipe[Any, Any]):
    """Yields epochs whose metric is `x`, at once."""

    name: ClassVar[str] = "idle"
    summary: ClassVar[str] = "does nothing"
    metric: ClassVar[str] = "score"
    settings_type: type[Any] = IdleSettings
    baseline: ClassVar[str] = "middle"
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    @staticmethod
    def space(draw: Draw) -> None:
        """One number."""
        draw.float("x", 0.0, 1.0)

    def open(self, path: Path) -> Any:
        """Nothing to open."""
        return path

    def sample(self, directory: Path) -> Path:
        """An empty folder."""
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def train(self, settings: Any, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Epochs without work."""
        if settings.imports:
            pay_for_torch()
        start = int(json.loads((resume / "state.json").read_text())["epoch"]) if resume else 0
        for number in range(start + 1, settings.epochs + 1):

            def save(directory: Path, number: int = number) -> None:
                (directory / "state.json").write_text(json.dumps({"epoch": number}))

            time.sleep(settings.pause)
            yield Epoch(
                epoch=number,
                phase="main",
                metrics={"score": settings.x},
                losses={"train": 1.0 / number},
                rates={"all": 1e-3},
                seconds={"train": settings.pause},
                save=save,
            )

    def export(self, settings: Any, directory: Path) -> list[Path]:
        """One JSON file."""
        path = directory / "idle.json"
        path.write_text(settings.model_dump_json())
        return [path]
