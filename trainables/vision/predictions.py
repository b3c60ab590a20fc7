"""What a trained detector finds on held-out pictures, beside what is there: the one structure that reports read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import DataError
from trainables.held_out import HeldOut
from trainables.recipe import Predictor
from trainables.vision.average_precision import Detections, Objects

AT_ONCE = 8
"""Examples that are decoded at a time."""


@dataclass(frozen=True)
class DetectionPredictions:
    """Of all held-out pictures, in their order.

    Attributes:
        names: classes; numbers are indexes into them.
        truth, detected: of each picture, boxes in its own pixels.
        groups: of each picture, see `HeldOut.group`.
    """

    names: tuple[str, ...]
    truth: tuple[Objects, ...]
    detected: tuple[Detections, ...]
    groups: tuple[str, ...]

    def of_group(self, group: str) -> DetectionPredictions:
        """Those of the pictures in one group."""
        chosen = [index for index, name in enumerate(self.groups) if name == group]
        truth, detected = (self.truth[index] for index in chosen), (self.detected[index] for index in chosen)
        return DetectionPredictions(self.names, tuple(truth), tuple(detected), (group,) * len(chosen))


@dataclass(frozen=True)
class ClassPredictions:
    """Of all held-out clips or pictures that have a class as a whole.

    Attributes:
        names: classes, C.
        truth: (N,), numbers of the classes.
        scores: (N, C), probabilities.
    """

    names: tuple[str, ...]
    truth: NDArray[np.int64]
    scores: NDArray[np.float64]


Predictions = DetectionPredictions | ClassPredictions


def predictions(examples: Sequence[HeldOut], predictor: Predictor) -> Predictions:
    """What `predictor` answers to each of `examples`, of which there is at least one.

    Raises:
        DataError: the model does not know the class of an example as a whole.
    """
    return of_answers(examples, list(answers(examples, predictor)))


def of_answers(examples: Sequence[HeldOut], answers: Sequence[Mapping[str, Any]]) -> Predictions:
    """The same of a model's answers, one for each example.

    Raises:
        DataError: the model does not know the class of an example as a whole.
    """
    if examples[0].boxes is None:
        return _of_classes(examples, answers)
    labels = [*(name for example in examples for name in example.labels)]
    labels += [
        example.sought or name for example, answer in zip(examples, answers, strict=True) for name in answer["labels"]
    ]
    names = tuple(sorted(set(labels)))
    numbers = {name: index for index, name in enumerate(names)}
    truth, detected = [], []
    for example, answer in zip(examples, answers, strict=True):
        assert example.boxes is not None, "examples of one data set are of one kind"
        kinds = np.array([numbers[name] for name in example.labels], dtype=np.int64)
        named_crowds = [(numbers[name], crowd) for name, crowd in example.crowds if name in numbers]
        crowds = np.array([crowd for _, crowd in named_crowds], dtype=np.float32).reshape(-1, 4)
        crowd_kinds = np.array([kind for kind, _ in named_crowds], dtype=np.int64)
        truth.append(Objects(example.boxes.astype(np.float32).reshape(-1, 4), kinds, crowds, crowd_kinds))
        kinds = np.array([numbers[example.sought or name] for name in answer["labels"]], dtype=np.int64)
        boxes, scores = (np.asarray(answer[key], dtype=np.float32) for key in ("boxes", "scores"))
        detected.append(Detections(boxes.reshape(-1, 4), kinds, scores.reshape(-1)))
    return DetectionPredictions(names, tuple(truth), tuple(detected), tuple(example.group for example in examples))


def answers(examples: Sequence[HeldOut], predictor: Predictor) -> Iterator[Mapping[str, Any]]:
    """What `predictor` answers to each of `examples`, in order."""
    for start in range(0, len(examples), AT_ONCE):
        yield from predictor([example.given() for example in examples[start : start + AT_ONCE]])


def _of_classes(examples: Sequence[HeldOut], answers: Sequence[Mapping[str, Any]]) -> ClassPredictions:
    names = tuple(answers[0]["scores"])
    labels = [example.labels[0] for example in examples]
    if unknown := sorted(set(labels) - set(names)):
        raise DataError(
            f"the held-out split has the classes {', '.join(map(repr, unknown))}, which the checkpoint does not know;"
            f" it knows {', '.join(map(repr, names))}"
        )
    truth = np.array([names.index(label) for label in labels], dtype=np.int64)
    scores = np.array([[answer["scores"][name] for name in names] for answer in answers], dtype=np.float64)
    return ClassPredictions(names, truth, scores)
