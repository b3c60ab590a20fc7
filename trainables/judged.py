"""A trained model and what it does on held-out data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trainables.errors import DataError
from trainables.held_out import HeldOut, held_out
from trainables.loop_recipe import for_checkpoint
from trainables.model_report import ModelReport
from trainables.recipe import AnyRecipe, Predictor
from trainables.tracks.tracked import Tracked
from trainables.vision.predictions import DetectionPredictions, Predictions, predictions


@dataclass(frozen=True)
class JudgedModel:
    """One model.

    Attributes:
        title: what it is called beside others, such as "winner".
        report: its numbers.
        predictions: what they were made from.
    """

    title: str
    report: ModelReport
    predictions: Predictions


def judge(
    recipe: AnyRecipe, settings: Any, opened: Any, checkpoint: Path, title: str, most: int | None = None
) -> tuple[Sequence[HeldOut], JudgedModel]:
    """The held-out examples of a data set and what the model of a checkpoint does on them.

    Args:
        recipe: that wrote the checkpoint.
        settings: of its training.
        opened: the data set, from `recipe.open`; its classes are matched by name.
        checkpoint: a directory.
        title: see `JudgedModel`.
        most: examples, evenly taken from the split; None for all.

    Raises:
        SteadytuneError: the recipe shows no held-out examples, or checkpoint and data do not fit.
    """
    examples = evenly(held_out(recipe, settings, for_checkpoint(opened, checkpoint)), most)
    report, predicted = report_on(examples, recipe.predictor(settings, checkpoint))
    if isinstance(recipe, Tracked):
        report = replace(report, tracks=recipe.track_scores(settings, opened, checkpoint))
    return examples, JudgedModel(title, report, predicted)


def evenly(examples: Sequence[HeldOut], most: int | None) -> Sequence[HeldOut]:
    """At most `most` of `examples`, evenly taken; all if it is None."""
    if most is None or len(examples) <= most:
        return examples
    return [examples[index] for index in np.linspace(0, len(examples) - 1, most).round().astype(int)]


def report_on(examples: Sequence[HeldOut], predictor: Predictor) -> tuple[ModelReport, Predictions]:
    """What `predictor` does on `examples`, of which there is at least one.

    Raises:
        DataError: no picture of them holds an object.
    """
    predicted = predictions(examples, predictor)
    return report_of(predicted), predicted


def report_of(predicted: Predictions) -> ModelReport:
    """The report of predictions on at least one example.

    Raises:
        DataError: no picture of them holds an object.
    """
    from trainables.vision.class_report import class_report
    from trainables.vision.detection_report import detection_report

    if not isinstance(predicted, DetectionPredictions):
        return class_report(predicted)
    if not any(len(truth.classes) for truth in predicted.truth):
        raise DataError("no held-out picture holds an object; a report needs at least one")
    return detection_report(predicted)
