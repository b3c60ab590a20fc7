"""A model as an ONNX file, checked against torch's own outputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainables.errors import SteadytuneError

FILE = "model.onnx"
MOST = 1e-3
"""Largest difference from torch's outputs, as a share of the largest of them, that a file may have. Float32 sums in
another order gave 2e-7 on the tiny presets (measured)."""

Run: TypeAlias = Callable[[Mapping[str, NDArray[np.float32]]], Sequence[NDArray[np.float32]]]
"""Runs a file: its inputs by name to its outputs in order."""


def tensors(run: Run, **inputs: Tensor) -> list[Tensor]:
    """What `run` answers, as tensors."""
    return [torch.from_numpy(answer) for answer in run({name: value.numpy() for name, value in inputs.items()})]


def write(model: nn.Module, examples: Mapping[str, Tensor], directory: Path, outputs: Sequence[str]) -> dict[str, str]:
    """Write `model` for inputs of the examples' shapes as `FILE`; returns what it is, by file name.

    Torch's exporter (`dynamo=True`) needs the packages onnx and onnxscript, which come with pixeltable-yolox. The file
    is run once by onnx's reference implementation (`onnx.reference`), in NumPy: slow, but bound to no other runtime.

    Args:
        model: in evaluation mode, answering with one tensor or several.
        examples: by the name of the input, in the model's order: what both are compared on; the file takes their shapes
            alone.
        directory: where to write.
        outputs: a name for each of its answers.

    Raises:
        SteadytuneError: it cannot be exported, or the file answers otherwise than torch.
    """
    path = directory / FILE
    with torch.no_grad():  # before the export, which leaves tensors without values in what a model caches
        answered = model(*examples.values())
    expected = [answered] if isinstance(answered, Tensor) else list(answered)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the exporter's own deprecations
            program = torch.onnx.export(
                model,
                tuple(examples.values()),
                dynamo=True,
                input_names=list(examples),
                output_names=list(outputs),
                verbose=False,
            )
            assert program is not None
            program.save(str(path))
    except Exception as error:  # the exporter raises what any of its stages runs into
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise SteadytuneError(f"this model cannot be written as ONNX ({type(error).__name__}: {first})") from error
    most = _difference(expected, examples, path)
    if not most <= MOST:
        path.unlink()
        raise SteadytuneError(
            f"{path.name}: differs from torch by {most:.2g} of its largest output, more than {MOST:g}; it is not kept"
        )
    inputs = " and ".join(f"{name} ({', '.join(map(str, example.shape))})" for name, example in examples.items())
    return {FILE: f"{inputs} to {', '.join(outputs)}; largest difference from torch {most:.1g} of the largest"}


def random_input(*shape: int) -> Tensor:
    """An input of values in [0, 1), the same each time."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def _difference(expected: Sequence[Tensor], examples: Mapping[str, Tensor], path: Path) -> float:
    """Largest absolute difference of any output, as a share of that output's largest absolute value."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    with np.errstate(all="ignore"):  # its sigmoid overflows on the way to the right value
        computed = ReferenceEvaluator(onnx.load(path)).run(
            None, {name: example.numpy() for name, example in examples.items()}
        )
    return max(_share(ours, reference.numpy()) for ours, reference in zip(computed, expected, strict=True))


def _share(ours: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Largest difference as a share of the largest finite value; infinite in both is none (noise may overflow exp)."""
    with np.errstate(invalid="ignore"):
        difference = np.where(ours == expected, 0.0, np.abs(ours - expected))
    largest = np.abs(expected, where=np.isfinite(expected), out=np.zeros_like(expected)).max()
    return float(difference.max() / max(1e-12, float(largest)))
