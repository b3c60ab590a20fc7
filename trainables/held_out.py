"""Held-out examples one by one, in two forms: as the input of a trained model, and as pictures for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trainables.errors import SteadytuneError
from trainables.recipe import AnyRecipe

Pictures = Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class HeldOut:
    """One example of the held-out split.

    Attributes:
        name: what a person calls it, such as its file's name.
        given: what the recipe's predictor takes.
        labels: the names of its objects; of a clip or a picture that has a class as a whole, that alone.
        boxes: (M, 4), the objects as x1 y1 x2 y2 in the pixels of the first picture; None if it has a class as a whole.
        pictures: RGB (h, w, 3) uint8, which a person sees side by side.
        boxed: the number of these, from the first, into which boxes belong; they have one size.
        group: a part of the split that is also judged on its own, such as "night"; "" for none.
        sought: the name of what the predictor looks for in it, if the model itself knows no names; "" if it does.
        crowds: names and boxes (4,) of places with many objects; see `trainables.vision.average_precision.Objects`.
    """

    name: str
    given: Callable[[], Any]
    labels: tuple[str, ...]
    boxes: NDArray[np.float32] | None
    pictures: Callable[[], Pictures]
    boxed: int = 1
    group: str = ""
    sought: str = ""
    crowds: tuple[tuple[str, NDArray[np.float32]], ...] = ()


@runtime_checkable
class Shows(Protocol):
    """A recipe that shows its held-out examples."""

    def held_out(self, settings: Any, data: Any) -> Sequence[HeldOut]:
        """The held-out split of `data`, in order; nothing is decoded yet."""


def held_out(recipe: AnyRecipe, settings: Any, data: Any) -> Sequence[HeldOut]:
    """The held-out examples of `data`, from `recipe.open`.

    Raises:
        SteadytuneError: the recipe shows none.
    """
    if not isinstance(recipe, Shows):
        raise SteadytuneError(f"recipe {recipe.name} shows no held-out examples; implement `held_out` for a report")
    return recipe.held_out(settings, data)
