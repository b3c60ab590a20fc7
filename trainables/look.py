"""What a recipe shows of its data set before anything trains on it: tables, and examples of a training batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainables.metric_text import metric_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class LookTable:
    """Rows of text under the headings `columns`; `note` says what a reader must know to understand them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Look:
    """What a data set holds.

    Attributes:
        tables: counts by split and class, sizes, duplicates.
        warnings: one sentence each, about what spoils a training or its metric; the most important first.
        details: one line each, such as a pair of near duplicates: too many to be shown unless asked for.
        guesses: what answers reach that never look at an example, by name, such as "majority class": the metrics.
    """

    tables: tuple[LookTable, ...] = ()
    warnings: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    guesses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def guessed(self, metric: str) -> dict[str, float]:
        """What each guess reaches of `metric`, by name of the guess."""
        return {guess: values[metric] for guess, values in self.guesses.items() if metric in values}

    @property
    def all_tables(self) -> tuple[LookTable, ...]:
        """The tables, and one of the guesses if there are any."""
        if not self.guesses:
            return self.tables
        metrics = tuple(dict.fromkeys(name for values in self.guesses.values() for name in values))
        rows = tuple(
            (guess, *(metric_text(values.get(name)) for name in metrics)) for guess, values in self.guesses.items()
        )
        return *self.tables, LookTable("Guessing", ("", *metrics), rows, GUESSING)


@dataclass(frozen=True)
class Example:
    """One example of a training batch as the model sees it, drawn as a picture.

    Attributes:
        pixels: (height, width, 3) uint8, RGB.
        boxes: (M, 4), x1 y1 x2 y2 in these pixels.
        labels: the M boxes' class names.
        caption: what a reader must know beside the boxes, such as the class of a clip; "" for nothing.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: tuple[str, ...]
    caption: str = ""


GUESSING = "What is reached without a look at val: by answers from the class frequencies of train alone."
EXAMPLES = 6
"""Of a batch, that are shown."""
RARE = 10
"""Training pictures. A class that is in no more of them is rare: LVIS's bound (Gupta et al. 2019, section 3)."""


def remark(train: int, val: int) -> str:
    """What is odd about a class that is in so many examples of each split; "" if nothing is."""
    if train and val:
        return "rare" if train <= RARE else ""
    return "in no split" if not train and not val else "not in val" if train else "not in train"
