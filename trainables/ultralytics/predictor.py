"""The trained model for inference, and its weights as `YOLO()` loads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn
from ultralytics import YOLO
from ultralytics.utils.plotting import plot_results

from trainables.errors import CheckpointError, SteadytuneError
from trainables.recipe import Predictor
from trainables.ultralytics.planes import stored_planes
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.state import COLOURS, network, write_pt
from trainables.ultralytics.upstream import logged
from trainables.vision.image_input import planes, rgb
from trainables.vision.inference import parts

BEST, RESULTS, CURVES = "weights/best.pt", "results.csv", "results.png"
CONFIDENCE = 0.001
"""Of the least sure object that the predictor returns: Ultralytics' own in its evaluation."""
EVALUATED_WITH = ("iou", "max_det", "agnostic_nms")
"""Arguments of the training by which its evaluation chose among boxes; `max_det` as the trainer may have raised it."""


def load(settings: UltralyticsSettings, checkpoint: Path) -> Predictor:
    """The model of `checkpoint` as its evaluation has it, on pictures of any size.

    Of data whose YAML says `channels: 1` a picture is made grey; with four and more of them it is a file, or an array
    (height, width, channels) uint8, with the planes in Ultralytics' order: colours as B G R.

    A picture's dictionary has `boxes`, `scores` and `labels`; of segmentation also `masks`, a list of polygons (n, 2)
    in pixels; of poses also `keypoints` (n, k, 2 or 3); of oriented boxes also `corners` (n, 4, 2). Of classification
    it has `label` and `scores` by name.

    Raises:
        CheckpointError: no checkpoint there, or one of other settings.
    """
    saved = _saved(checkpoint)
    if len(saved) > 1:
        raise SteadytuneError(
            f"{checkpoint}: holds {len(saved)} models, of {', '.join(saved)}; load one of their best.pt"
        )
    (only,) = saved.values()
    limits = {name: value for name, value in only["arguments"].items() if name in EVALUATED_WITH}
    as_evaluated = {"imgsz": settings.imgsz, "conf": CONFIDENCE, **limits}
    with TemporaryDirectory() as folder:
        model = YOLO(write_pt(Path(folder) / "model.pt", _model(only, checkpoint), only["arguments"], {}, ""))

    def answer(images: Sequence[Any]) -> list[dict[str, Any]]:
        return [_answer(model, as_evaluated, image) for image in images]

    return answer


def write_weights(settings: UltralyticsSettings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
    """Write `BEST`, the results up to its epoch and their curves; returns what they are, by name."""
    saved = _saved(checkpoint)
    descriptions: dict[str, str] = {}
    for name, model_state in saved.items():
        folder = directory if len(saved) == 1 else directory / name
        folder.mkdir(exist_ok=True)
        descriptions |= {
            str((folder / file).relative_to(directory)): description
            for file, description in _write(model_state, checkpoint, folder)
        }
    return descriptions


def _write(saved: Mapping[str, Any], checkpoint: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Write one model and its results; yields each file's name and what it is."""
    arguments = {name: value for name, value in saved["arguments"].items() if name not in ("data", "save_dir")}
    write_pt(folder / BEST, _model(saved, checkpoint), arguments, saved["metrics"], saved["results"])
    yield BEST, "`YOLO()` loads it: the moving average, in full precision, as it was evaluated"
    if not (folder / RESULTS).is_file():
        (folder / RESULTS).write_text(saved["results"], encoding="utf-8")
    yield RESULTS, "losses and metrics of each epoch, as Ultralytics writes them"
    if len((folder / RESULTS).read_text(encoding="utf-8").splitlines()) > 2:  # a curve needs two points
        with logged():
            plot_results(file=str(folder / RESULTS))
        if (folder / CURVES).is_file():
            yield CURVES, "the same as curves, drawn by Ultralytics"


def _saved(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint holds of each of its models, by the name of their data set."""
    return dict(parts(checkpoint, "sets")["sets"])


def _model(saved: Mapping[str, Any], checkpoint: Path) -> nn.Module:
    try:
        return network(saved["network"], saved["ema"])
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise CheckpointError(f"{checkpoint}: cannot be built again ({first}); another Ultralytics wrote it") from None


def _answer(model: YOLO, as_evaluated: Mapping[str, Any], image: Any) -> dict[str, Any]:
    described: Any = model.model
    pixels = _pixels(image, int(described.yaml.get("channels", COLOURS)))
    result = model.predict(pixels, **as_evaluated, device="cpu", verbose=False, save=False)[0]
    names = result.names
    if result.probs is not None:
        scores = result.probs.data.tolist()
        return {
            "label": names[result.probs.top1],
            "scores": {names[index]: score for index, score in enumerate(scores)},
        }
    boxes = result.obb if result.obb is not None else result.boxes
    answer: dict[str, Any] = {
        "boxes": boxes.xyxy.numpy(),
        "scores": boxes.conf.numpy(),
        "labels": [names[int(index)] for index in boxes.cls],
    }
    if result.obb is not None:
        answer["corners"] = result.obb.xyxyxyxy.numpy()
    if result.masks is not None:
        answer["masks"] = [np.asarray(polygon) for polygon in result.masks.xy]
    if result.keypoints is not None:
        answer["keypoints"] = result.keypoints.data.numpy()
    return answer


def _pixels(image: Any, count: int) -> NDArray[np.uint8]:
    """A picture as Ultralytics takes arrays: B G R, of which it makes grey by itself, or `count` planes beyond that."""
    if count <= COLOURS:
        return np.ascontiguousarray(rgb(image)[..., ::-1])
    if not isinstance(image, (str, Path)):
        return planes(image, channels=count)
    return stored_planes(Path(image), count)
