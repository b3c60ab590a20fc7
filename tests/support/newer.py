"""`resnet_yolo` with a setting more: how a later version meets what was written before it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field

from spaces.resnet_yolo import space as space_before
from spaces.space import Draw, Space
from trainables.resnet_yolo.recipe import ResnetYolo
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.settings import Earlier


class NewerSettings(ResnetYoloSettings):
    """The trainings before it clipped no gradient."""

    clip_norm: Annotated[float, Earlier(0.0)] = Field(ge=0, description="largest norm of a step's gradient; 0: any")


class NewerResnetYolo(ResnetYolo):
    """Its presets clip, so that a preset in place of the older value is noticed."""

    settings_type: type[Any] = NewerSettings

    @cached_property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        return {name: {**values, "clip_norm": 10.0} for name, values in super().presets.items()}


def space_for(settings: Mapping[str, Any]) -> Space:
    """See `spaces.registry.MAKERS`."""
    return space


def space(draw: Draw) -> None:
    """What the recipe searches, and the new setting."""
    space_before(draw)
    draw.choice("clip_norm", [0.0, 1.0, 10.0])
