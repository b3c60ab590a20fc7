"""A recipe whose process can be made to die, raise or wait."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from spaces.space import Draw
from trainables.recipe import Epoch, Recipe
from trainables.settings import Settings


class TroubleSettings(Settings):
    """An epoch of 0 stands for never."""

    epochs: int = Field(6, ge=1)
    x: float = Field(0.5, ge=0, le=1)
    pause: float = Field(0.0, ge=0)
    die_at: int = Field(0, ge=0, description="epoch at which the process dies, once a trial")
    always_die: bool = Field(False, description="the process dies again after each restart")
    how: Literal["exit", "crash", "hang"] = Field("exit", description="how the process dies")
    saving: bool = Field(False, description="the process dies while a checkpoint is written")
    spoil: bool = Field(False, description="the newest checkpoint is cut in half before the process dies")
    raise_below: float = Field(0.0, ge=0, description="trials with an x below this raise at once")
    seed: int = 0


def die(how: str) -> None:
    """End the process, or at least its use."""
    if how == "crash":
        ctypes.string_at(0)
    while how == "hang":
        time.sleep(1)
    os._exit(1)


class Trouble(Recipe[TroubleSettings, Any]):
    """Reports its process and the moment of its start beside its metric."""

    name: ClassVar[str] = "trouble"
    summary: ClassVar[str] = "dies, raises or waits"
    metric: ClassVar[str] = "score"
    settings_type = TroubleSettings
    baseline: ClassVar[str] = "plain"
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    @staticmethod
    def space(draw: Draw) -> None:
        draw.float("x", 0.0, 1.0)

    def open(self, path: Path) -> Any:
        return path

    def sample(self, directory: Path) -> Path:
        return directory

    def train(self, settings: TroubleSettings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        start = int(json.loads((resume / "state.json").read_text())["epoch"]) if resume else 0
        if settings.x < settings.raise_below:
            raise RuntimeError("out of luck")
        for number in range(start + 1, settings.epochs + 1):
            died = workdir / "died"
            due = number == settings.die_at and (settings.always_die or not died.exists())
            if due and not settings.saving:
                died.touch()
                if settings.spoil:
                    newest = max(workdir.glob("checkpoints/epoch-????"))
                    (newest / "state.json").write_text('{"epo')
                die(settings.how)
            time.sleep(settings.pause)

            def save(directory: Path, number: int = number, due: bool = due) -> None:
                (directory / "state.json").write_text(json.dumps({"epoch": number}))
                if due and settings.saving:
                    die(settings.how)

            print(f"epoch {number}", file=sys.stderr)
            yield Epoch(
                epoch=number,
                phase="main",
                metrics={"score": settings.x, "process": float(os.getpid())},
                losses={"train": 1.0 / number},
                rates={"all": 1e-3},
                seconds={"train": settings.pause},
                save=save,
            )

    def export(self, settings: TroubleSettings, directory: Path) -> list[Path]:
        path = directory / "trouble.json"
        path.write_text(settings.model_dump_json())
        return [path]
