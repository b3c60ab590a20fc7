"""What trainings of one configuration on several seeds reach on held-out examples: alone, averaged, as an ensemble."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trainables.ensemble import merged
from trainables.errors import SteadytuneError
from trainables.held_out import HeldOut, held_out
from trainables.judged import evenly
from trainables.loop_recipe import for_checkpoint
from trainables.recipe import AnyRecipe, Predictor


@dataclass(frozen=True)
class SeedsTogether:
    """The values of one metric.

    Attributes:
        metric: its name, as the report on a model has it.
        mode: whether higher ("max") or lower ("min") is better.
        seeds: of each training alone, the best one first.
        average: of the mean of their weights; None if the recipe averages none.
        ensemble: of their merged answers.
        examples: held-out examples that all of these were asked about.
        seconds: that it took.
    """

    metric: str
    mode: str
    seeds: tuple[float, ...]
    average: float | None
    ensemble: float
    examples: int
    seconds: float

    @property
    def mean(self) -> float:
        """Mean of the trainings' values."""
        return statistics.fmean(self.seeds)

    def beats(self, value: float | None) -> bool:
        """Whether `value` is better than the best single training's."""
        best = self.seeds[0]
        return value is not None and (value > best if self.mode == "max" else value < best)

    def is_worst(self, value: float) -> bool:
        """Whether `value` is worse than every single training's."""
        worst = self.seeds[-1]
        return value < worst if self.mode == "max" else value > worst


def score_together(
    recipe: AnyRecipe, members: Sequence[tuple[Any, Path]], opened: Any, most: int | None = None
) -> SeedsTogether:
    """Ask several trainings, their average and their ensemble about held-out examples.

    Each example is predicted once by each training and once by the average, on the CPU.

    Args:
        recipe: of all of them.
        members: settings and checkpoint of each training; at least two.
        opened: the data set, from `recipe.open`.
        most: examples, evenly taken from the held-out split; None for all.

    Raises:
        SteadytuneError: the recipe has no predictor or shows no held-out examples, or a checkpoint does not fit.
    """
    began = time.perf_counter()
    settings, first = members[0]
    examples = evenly(held_out(recipe, settings, for_checkpoint(opened, first)), most)
    answers = [_answers(examples, recipe.predictor(*member)) for member in members]
    scores = [_score(recipe, examples, of_member) for of_member in answers]
    mode = recipe.mode if scores[0][0] == recipe.metric else "max"
    values = sorted((value for _, value in scores), reverse=mode == "max")
    together = [merged(of_example) for of_example in zip(*answers, strict=True)]
    return SeedsTogether(
        metric=scores[0][0],
        mode=mode,
        seeds=tuple(values),
        average=_average(recipe, members, examples),
        ensemble=_score(recipe, examples, together)[1],
        examples=len(examples),
        seconds=time.perf_counter() - began,
    )


def _average(recipe: AnyRecipe, members: Sequence[tuple[Any, Path]], examples: Sequence[HeldOut]) -> float | None:
    settings = members[0][0]
    with TemporaryDirectory() as folder:
        try:
            recipe.average(settings, [checkpoint for _, checkpoint in members], Path(folder))
        except SteadytuneError:  # a recipe of one's own that has an ensemble all the same
            return None
        return _score(recipe, examples, _answers(examples, recipe.predictor(settings, Path(folder))))[1]


def _answers(examples: Sequence[HeldOut], predictor: Predictor) -> list[Mapping[str, Any]]:
    from trainables.vision.predictions import answers

    return list(answers(examples, predictor))


def _score(recipe: AnyRecipe, examples: Sequence[HeldOut], answers: Sequence[Mapping[str, Any]]) -> tuple[str, float]:
    """The metric's name and value: the recipe's own if predictions alone give it, or else the report's main one."""
    from trainables.judged import report_of
    from trainables.vision.predictions import of_answers

    report = report_of(of_answers(examples, answers))
    metric = recipe.metric if recipe.metric in report.metrics else report.main
    return metric, report.metrics[metric]
