"""An ONNX file in int8, and its runs, by onnxruntime."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import SteadytuneError
from trainables.vision.onnx_export import Run

QUANTISED = ("Conv", "Gemm", "MatMul")
"""Operators whose weights and inputs become int8. Sigmoids, sums and the decoding of boxes stay in float32: they take
little time, and boxes in pixels do not fit into 256 steps."""
Inputs = Mapping[str, NDArray[np.float32]]


def runs(path: Path, threads: int = 1) -> Run:
    """What runs the file `path` on the CPU.

    Raises:
        SteadytuneError: onnxruntime is not installed, or cannot run the file.
    """
    onnxruntime = _onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # of what it optimises it warns at length
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds, which have no common base
        raise SteadytuneError(f"{path}: onnxruntime cannot run it ({str(error).strip().splitlines()[0]})") from None
    taken = {argument.name for argument in session.get_inputs()}

    def run(inputs: Inputs) -> Sequence[NDArray[np.float32]]:
        answers: Sequence[NDArray[np.float32]] = session.run(None, {name: inputs[name] for name in taken})
        return answers

    return run


def quantise(path: Path, calibration: Sequence[Inputs], target: Path) -> None:
    """Write the file `path` in int8 as `target`: weights by channel, inputs by the range that `calibration` has.

    Static quantisation with pairs of QuantizeLinear and DequantizeLinear, which onnxruntime recommends for
    convolutions.

    Raises:
        SteadytuneError: onnxruntime is not installed, or cannot quantise it.
    """
    _onnxruntime()
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._left = iter(calibration)

        def get_next(self) -> Any:
            return next(self._left, None)

    logging.getLogger().disabled, was = True, logging.getLogger().disabled  # it advises on the root logger
    try:
        with TemporaryDirectory() as folder:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(prepared),
                str(target),
                Reader(),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
    except Exception as error:  # whatever a graph that it does not know makes it raise
        target.unlink(missing_ok=True)
        first = (str(error).strip().splitlines() or [""])[0]
        raise SteadytuneError(
            f"{path.name}: onnxruntime cannot quantise it ({type(error).__name__}: {first})"
        ) from error
    finally:
        logging.getLogger().disabled = was


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise SteadytuneError(
            "onnxruntime is not installed, which int8 needs; pip install '.[onnx]' in a clone installs it"
        ) from None
    return onnxruntime
