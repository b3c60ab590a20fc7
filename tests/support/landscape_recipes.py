"""The landscapes' spaces as recipes, so that the product's own coordinator can search them; nobody trains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import create_model

from spaces.space import Draw, ranges
from tests.support import landscape
from tests.support.idle import Idle
from trainables.settings import Settings


def settings_of(space: str) -> type[Settings]:
    """What the recipe of that space reads: whatever the space draws, all of it optional."""
    drawn: dict[str, Any] = dict.fromkeys(ranges(landscape.SPACES[space]), (Any, None))
    return create_model(
        f"{space.title()}Settings", __base__=Settings, epochs=(int, landscape.EPOCHS), seed=(int, 0), **drawn
    )


class Detector(Idle):
    """See `landscape.detector`."""

    name: ClassVar[str] = "detector"
    summary: ClassVar[str] = "a landscape"
    settings_type = settings_of("detector")
    baseline: ClassVar[str] = "none"
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    @staticmethod
    def space(draw: Draw) -> None:
        """As the landscape has it."""
        landscape.detector(draw)


class Branched(Detector):
    """See `landscape.branched`."""

    name: ClassVar[str] = "branched"
    settings_type = settings_of("branched")

    @staticmethod
    def space(draw: Draw) -> None:
        """As the landscape has it."""
        landscape.branched(draw)
