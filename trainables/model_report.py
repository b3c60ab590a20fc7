"""What is told of one model on held-out data, as plain values that JSON takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
        name: of the class.
        examples: objects, or clips, of it.
        precision, recall, f1: at the report's threshold.
        values: more numbers by name, such as average precision.
    """

    name: str
    examples: int
    precision: float
    recall: float
    f1: float
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Bin:
    """Detections or answers of about one score: their mean score, the share of them that is right, their number."""

    score: float
    right: float
    count: int


@dataclass(frozen=True)
class Mistake:
    """An example that the model gets wrong, or right.

    Attributes:
        example: its place in the held-out split.
        cost: how bad it is: a miss counts 1, a false alarm its score; of a class as a whole the score of the wrong one.
        misses, false_alarms: places of objects that are not found, and of detections that are none.
        caption: one line about it.
    """

    example: int
    cost: float
    misses: tuple[int, ...] = ()
    false_alarms: tuple[int, ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class ModelReport:
    """All numbers of one model.

    Attributes:
        kind: "detection", or "classification" if an example has a class as a whole.
        examples: how many the held-out split has.
        metrics: by name.
        threshold: of scores, at which precision, recall, F1 and confusion are given; None for classification.
        classes: one row a class.
        curves: by name: "x", and by class the values for each; see `trainables.vision.detection_report`.
        confusion: rows are what is there, columns what the model says; both have the labels `confusion_names`.
        groups: metrics by a part of the split, such as "night".
        calibration: of scores.
        calibration_error: the mean distance of score and share that is right, weighted by the number in each bin.
        mistakes: the worst first; those without any come last.
        guesses: metrics that answers reach which never look at an example, by name; see `trainables.vision.guessing`.
        tracks: ID switches, MOTA, IDF1 and HOTA by tracker, if there are sequences; see `trainables.tracks`.
    """

    kind: str
    examples: int
    metrics: Mapping[str, float]
    threshold: float | None
    classes: tuple[ClassRow, ...]
    curves: Mapping[str, Mapping[str, Sequence[float]]]
    confusion_names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    groups: Mapping[str, Mapping[str, float]]
    calibration: tuple[Bin, ...]
    calibration_error: float | None
    mistakes: tuple[Mistake, ...]
    guesses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    tracks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def main(self) -> str:
        """The metric that tells most by itself."""
        return "map50_95" if self.kind == "detection" else "mean_class_accuracy"

    def as_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return asdict(self)
