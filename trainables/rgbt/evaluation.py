"""What a detector finds on the held-out pairs, with and without the thermal plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from ultralytics.nn.tasks import DetectionModel

from trainables.loading import Batches
from trainables.precision import Precision, full
from trainables.rgbt.augment import PairedImages
from trainables.rgbt.data import RgbtData
from trainables.rgbt.scenes import SCENES
from trainables.rgbt.settings import RgbtSettings
from trainables.vision.average_precision import MOST, Detections, Objects, average_precision

Batch = dict[str, Any]
SCORE = 0.001
"""Under it a detection is dropped: Ultralytics' validation."""
PARTS = ("box", "cls", "l1")


def blank_thermal(planes: Tensor) -> Tensor:
    """`planes` (B, 4, H, W) with nothing in the thermal one."""
    planes = planes.clone()
    planes[:, 3] = 0
    return planes


def on_device(batch: Batch, device: torch.device) -> Batch:
    """`batch` with its tensors on `device`."""
    return {
        key: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value for key, value in batch.items()
    }


class HeldOut:
    """The validation pairs, ready to be searched by a detector in evaluation mode."""

    def __init__(self, settings: RgbtSettings, data: RgbtData, args: Any, precision: Precision) -> None:
        self._settings = settings
        self._names = data.names
        self._scenes = [sample.scene for sample in data.val.samples]
        self._precision = precision
        images = PairedImages(data.val, data.names, args, hsv=0.0, clahe=settings.thermal_clahe, augment=False)
        self._loader: Batches[Batch] = Batches(
            images,
            settings.batch,
            workers=settings.workers,
            device=precision.device,
            collate=images.collate_fn,
        )

    def close(self) -> None:
        """End the processes that prepare batches."""
        self._loader.restart()

    def evaluate(self, model: DetectionModel) -> tuple[dict[str, float], dict[str, float]]:
        """Metrics by name, "day/…", "night/…" and "no_thermal/…" among them, and the held-out losses.

        The losses weigh the model's two heads as in the last epoch, so that they can be compared over epochs.
        """
        rgb_alone = self._settings.modality == "rgb"
        truth, detected, losses = self._search(model, blank_thermal if rgb_alone else lambda planes: planes)
        metrics = average_precision(truth, detected, self._names)
        for scene in SCENES:
            chosen = [index for index, image_scene in enumerate(self._scenes) if image_scene == scene]
            if any(len(truth[index].classes) for index in chosen):
                part = average_precision(
                    [truth[index] for index in chosen], [detected[index] for index in chosen], self._names
                )
                metrics |= {f"{scene}/{name}": part[name] for name in ("map50_95", "map50")}
        blanked = detected if rgb_alone else self._search(model, blank_thermal)[1]
        metrics["no_thermal/map50_95"] = average_precision(truth, blanked, self._names)["map50_95"]
        return metrics, losses

    @torch.no_grad()
    def _search(
        self, model: DetectionModel, view: Callable[[Tensor], Tensor]
    ) -> tuple[list[Objects], list[Detections], dict[str, float]]:
        truth: list[Objects] = []
        detected: list[Detections] = []
        criterion = model.init_criterion()
        criterion.updates = self._settings.epochs - 2  # the heads' weights of the last epoch, so losses compare
        criterion.update()
        sums = torch.zeros(1 + len(PARTS), dtype=torch.float64)
        for batch in self._loader:
            batch = on_device(batch, self._precision.device)
            batch["img"] = view(batch["img"].float() / 255)
            with self._precision.autocast():
                outputs = full(model(batch["img"]))
            total, parts = criterion(outputs, batch)
            sums += torch.stack([total.sum() / len(batch["img"]), *parts.values()]).double().cpu()
            detected += [detections(rows) for rows in outputs[0].cpu()]
            truth += _objects(batch, self._settings.image_size)
        values = (sums / len(self._loader)).tolist()
        return truth, detected, dict(zip(("val", *(f"val/{part}" for part in PARTS)), values, strict=True))


def detections(rows: Tensor) -> Detections:
    """`rows` (D, 6) of x1 y1 x2 y2 score class, best first; those that are not numbers are dropped."""
    usable = rows[rows.isfinite().all(dim=1) & (rows[:, 4] >= SCORE)][:MOST]
    values = np.asarray(usable)
    return Detections(values[:, :4], values[:, 5].astype(np.int64), values[:, 4])


def _objects(batch: dict[str, Any], size: int) -> list[Objects]:
    """The labels of a batch, whose boxes are cx cy w h in shares of the square image, in its pixels."""
    centres, sides = (batch["bboxes"].cpu() * size).split(2, dim=1)
    boxes = np.asarray(torch.cat((centres - sides / 2, centres + sides / 2), dim=1))
    classes = np.asarray(batch["cls"].cpu()[:, 0]).astype(np.int64)
    images = np.asarray(batch["batch_idx"].cpu())
    return [Objects(boxes[images == index], classes[images == index]) for index in range(len(batch["img"]))]
