"""A model as an ONNX file, checked against torch's own outputs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.errors import SteadytuneError

FILE = "model.onnx"
MOST = 1e-3
"""Largest difference from torch's outputs, as a share of the largest of them, that a file may have. Float32 sums in
another order gave 2e-7 on the tiny presets (measured)."""


def write(model: nn.Module, example: Tensor, directory: Path, outputs: Sequence[str]) -> dict[str, str]:
    """Write `model` for inputs of `example`'s shape as `FILE`; returns what it is, by file name.

    Torch's exporter (`dynamo=True`) needs the packages onnx and onnxscript, which come with pixeltable-yolox. The file
    is run once by onnx's reference implementation (`onnx.reference`), in NumPy: slow, but bound to no other runtime.

    Args:
        model: in evaluation mode, answering with one tensor or several.
        example: (1, C, H, W) or (1, C, T, H, W), the input that both are compared on; the file takes this shape alone.
        directory: where to write.
        outputs: a name for each of its answers.

    Raises:
        SteadytuneError: it cannot be exported, or the file answers otherwise than torch.
    """
    path = directory / FILE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter's own deprecations
            program = torch.onnx.export(
                model, (example,), dynamo=True, input_names=["images"], output_names=list(outputs), verbose=False
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter raises what any of its stages runs into
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise SteadytuneError(f"this model cannot be written as ONNX ({type(error).__name__}: {first})") from error
    most = _difference(model, example, path)
    if not most <= MOST:
        path.unlink()
        raise SteadytuneError(
            f"{path.name}: differs from torch by {most:.2g} of its largest output, more than {MOST:g}; it is not kept"
        )
    shape = ", ".join(map(str, example.shape))
    return {FILE: f"images ({shape}) to {', '.join(outputs)}; largest difference from torch {most:.1g} of the largest"}


def _difference(model: nn.Module, example: Tensor, path: Path) -> float:
    """Largest absolute difference of any output, as a share of that output's largest absolute value."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    with np.errstate(all="ignore"):  # its sigmoid overflows on the way to the right value
        computed = ReferenceEvaluator(onnx.load(path)).run(None, {"images": example.numpy()})
    with torch.no_grad():
        answered = model(example)
    expected = [answered] if isinstance(answered, Tensor) else list(answered)
    return max(_share(ours, reference.numpy()) for ours, reference in zip(computed, expected, strict=True))


def _share(ours: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Largest difference as a share of the largest finite value; infinite in both is none (noise may overflow exp)."""
    with np.errstate(invalid="ignore"):
        difference = np.where(ours == expected, 0.0, np.abs(ours - expected))
    largest = np.abs(expected, where=np.isfinite(expected), out=np.zeros_like(expected)).max()
    return float(difference.max() / max(1e-12, float(largest)))
