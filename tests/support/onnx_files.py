"""ONNX files, run by onnx's own reference implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trainables.loop_recipe import PackageRecipe


def predicts_alike(recipe: PackageRecipe[Any, Any], settings: Any, checkpoint: Path, file: Path, given: Any) -> bool:
    """Whether the predictor by the ONNX `file` is as sure of the same number of things as that by the checkpoint.

    Boxes are not compared: of those that overlap and have almost equal scores, rounding decides which stays.
    """
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load(file))
    with np.errstate(all="ignore"):
        (by_file,) = recipe.onnx_predictor(settings, checkpoint, lambda inputs: evaluator.run(None, dict(inputs)))(
            [given]
        )
    (by_network,) = recipe.predictor(settings, checkpoint)([given])
    first, second = (_scores(answer["scores"]) for answer in (by_file, by_network))
    return len(first) == len(second) > 0 and bool(np.allclose(first, second, atol=1e-4))


def _scores(scores: Any) -> Any:
    return np.sort(np.asarray(list(scores.values()) if isinstance(scores, dict) else scores))
