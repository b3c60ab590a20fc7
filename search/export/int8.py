"""A winner's ONNX file in int8, and what that costs of its metrics on held-out data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainables.errors import SteadytuneError
from trainables.held_out import HeldOut, held_out
from trainables.loop_recipe import PackageRecipe, for_checkpoint
from trainables.metric_text import metric_text
from trainables.recipe import AnyRecipe

MODEL, NUMBERS = "model_int8.onnx", "model_int8.json"
FLOAT = "model.onnx"
MOST_EXAMPLES, MOST_CALIBRATING = 400, 64
"""How many held-out examples are used at most, and how many of these calibrate."""
EVERY = 4
"""Every fourth example calibrates; the metrics are of the others."""
MUCH = 0.01
"""If the metric loses more than this, the sentence advises against the file: a point of average precision."""


@dataclass(frozen=True)
class Int8:
    """What int8 costs.

    Attributes:
        metric: its name.
        float32, int8: its values by both files.
        examples: how many held-out examples the values are of.
        calibrating: by how many other examples the inputs were scaled.
        float32_bytes, int8_bytes: sizes of the files.
    """

    metric: str
    float32: float
    int8: float
    examples: int
    calibrating: int
    float32_bytes: int
    int8_bytes: int

    @property
    def sentence(self) -> str:
        """What a person should know before using the file."""
        size = f"{self.int8_bytes / 1e6:.1f} MB instead of {self.float32_bytes / 1e6:.1f}"
        lost = self.float32 - self.int8
        loss = metric_text(lost, self.float32, self.int8)
        advice = f"; it loses {loss}, so take {FLOAT} unless that is little to you" if lost > MUCH else ""
        return (
            f"{MODEL}: int8, {self.metric} {metric_text(self.int8)} instead of {metric_text(self.float32)} in float32"
            f" on {self.examples} held-out examples, calibrated on {self.calibrating} others; {size}{advice}"
        )


def write_int8(recipe: AnyRecipe, settings: Any, data: Path, directory: Path) -> Int8:
    """Write `FLOAT` of an export in int8, and `NUMBERS`.

    Args:
        recipe: of the export.
        settings: of its training.
        data: the data set. Some of its held-out examples calibrate, the metrics are of the others.
        directory: of the export, with `FLOAT` and a checkpoint.

    Raises:
        SteadytuneError: onnxruntime is not installed or cannot quantise it, or the data have too few held-out examples.
    """
    from trainables.vision.onnx_int8 import Inputs, quantise, runs

    if not isinstance(recipe, PackageRecipe):
        raise SteadytuneError(f"recipe {recipe.name}: nothing predicts by its ONNX file; leave out --int8")
    checkpoint, file = directory / "checkpoint", directory / FLOAT
    examples = held_out(recipe, settings, for_checkpoint(recipe.open(data), checkpoint))
    stride = max(1, -(-len(examples) // MOST_EXAMPLES))
    examples = [*examples][::stride]
    calibrating = examples[::EVERY][:MOST_CALIBRATING]
    judged = [example for index, example in enumerate(examples) if index % EVERY]
    if not judged:
        raise SteadytuneError(f"{data}: has {len(examples)} held-out examples; int8 takes at least 2")
    run, inputs = runs(file), list[Inputs]()

    def recorded(inputs_of_run: Inputs) -> Any:
        inputs.append(inputs_of_run)
        return run(inputs_of_run)

    predictor = recipe.onnx_predictor(settings, checkpoint, recorded)
    for example in calibrating:
        predictor([example.given()])
    quantise(file, inputs, directory / MODEL)
    float32, int8 = (
        _metrics(judged, recipe.onnx_predictor(settings, checkpoint, runner))
        for runner in (run, runs(directory / MODEL))
    )
    metric = compared_metric(recipe.metric, float32)
    sizes = (path.stat().st_size for path in (file, directory / MODEL))
    numbers = Int8(metric, float32[metric], int8[metric], len(judged), len(calibrating), *sizes)
    (directory / NUMBERS).write_text(json.dumps(asdict(numbers), indent=1), encoding="utf-8")
    return numbers


def read_numbers(directory: Path) -> Int8:
    """What `write_int8` wrote into an export."""
    return Int8(**json.loads((directory / NUMBERS).read_text(encoding="utf-8")))


def compared_metric(objective: str, metrics: Mapping[str, float]) -> str:
    """The metric that compares the two models: the sweep's, or the first of `metrics` if single pictures lack that one.

    >>> compared_metric("hota", {"map50_95": 0.4, "map50": 0.6})
    'map50_95'
    """
    return objective if objective in metrics else next(iter(metrics))


def _metrics(examples: Sequence[HeldOut], predictor: Any) -> Mapping[str, float]:
    from trainables.judged import report_on

    return report_on(examples, predictor)[0].metrics
