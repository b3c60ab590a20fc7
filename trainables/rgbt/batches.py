"""The batches of a training, and what a student and its teacher see of them."""

from __future__ import annotations

import math
import random
from typing import Any

import torch
from torch import nn
from ultralytics.cfg import get_cfg

from trainables.loading import Batches, shuffled
from trainables.rgbt.augment import PairedImages
from trainables.rgbt.data import RgbtData
from trainables.rgbt.evaluation import Batch, blank_thermal, on_device
from trainables.rgbt.schedule import closes_mosaic
from trainables.rgbt.settings import RgbtSettings

STRIDE, LEAST_SIDE = 32, 64
"""Pixels of the last maps' cells, and of the smallest input: of one cell, batch-norm has no deviation in a batch of
one."""
IMAGES = ("img", "taught_img")
"""What a student and its teacher see, by their names in a batch."""


def training_loader(
    settings: RgbtSettings, data: RgbtData, args: Any, epoch: int, device: torch.device
) -> Batches[Batch]:
    """Batches of the training split in `epoch`, shuffled and augmented by Ultralytics."""
    closed = closes_mosaic(epoch, epochs=settings.epochs, close_mosaic=settings.close_mosaic)
    mixed = {"mosaic": 0.0, "mixup": 0.0, "cutmix": 0.0} if closed else {}
    images = PairedImages(
        data.train,
        data.names,
        get_cfg(cfg=args, overrides=mixed),
        hsv=settings.hsv,
        clahe=settings.thermal_clahe,
        augment=True,
    )
    return Batches(
        images,
        settings.batch,
        workers=settings.workers,
        device=device,
        order=shuffled(images),
        collate=images.collate_fn,
    )


def prepared(batch: Batch, settings: RgbtSettings, device: torch.device) -> Batch:
    """`batch` on the device, its images in [0, 1] and scaled to this batch's size (Ultralytics' `preprocess_batch`).

    "img" (B, 4, H, W) is what the student sees: `modality_dropout` blanks RGB in some images. "taught_img", which is
    there if there is a teacher, is what the teacher sees: the same images, all with RGB.
    """
    batch = on_device(batch, device)
    planes = batch["img"].float() / 255
    if settings.modality == "rgb":
        planes = blank_thermal(planes)
    seen = [planes.clone(), planes] if settings.distills else [planes]
    if settings.modality_dropout:
        seen[0][torch.rand(len(planes)) < settings.modality_dropout, :3] = 0
    if settings.multi_scale:
        size, share = settings.image_size, settings.multi_scale
        low, high = max(LEAST_SIDE, int(size * (1 - share))), int(size * (1 + share) + STRIDE)
        factor = random.randrange(low, high) // STRIDE * STRIDE / max(planes.shape[2:])
        shape = [math.ceil(side * factor / STRIDE) * STRIDE for side in planes.shape[2:]]
        seen = [nn.functional.interpolate(images, size=shape, mode="bilinear", align_corners=False) for images in seen]
    return batch | dict(zip(IMAGES, seen, strict=False))


def part(batch: Batch, first: int, count: int) -> Batch:
    """`count` images of a batch and their objects, from the image `first` on."""
    rows = (batch["batch_idx"] >= first) & (batch["batch_idx"] < first + count)
    objects = {name: batch[name][rows] for name in ("cls", "bboxes")}
    images = {name: batch[name][first : first + count] for name in IMAGES if name in batch}
    return batch | objects | images | {"batch_idx": batch["batch_idx"][rows] - first}
