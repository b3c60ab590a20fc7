"""Handwritten digits on crops of photographs (`trainables.samples.digits`) in COCO's layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from trainables.samples.atomic_folder import write_whole
from trainables.samples.digit_sequences import write_sequences
from trainables.samples.digits import Scene, scenes


def write_coco(
    directory: Path,
    *,
    digits: Sequence[int] = (3, 7, 8),
    train: int = 200,
    val: int = 60,
    size: int = 96,
    seed: int = 1,
    sequences: int = 0,
) -> Path:
    """Write a data set in COCO's layout into `directory`, whole or not at all; returns it.

    A data set that an earlier call wrote there is left as it is.

    Args:
        directory: new, empty, or written by an earlier call.
        digits: the digits to find, each a category.
        train: images to train on.
        val: images held out.
        size: side of an image in pixels.
        seed: of everything drawn.
        sequences: with tracks, held out too; see `trainables.samples.digit_sequences`.

    Raises:
        DataError: `directory` holds something else.
    """

    def write(partial: Path) -> None:
        (partial / "annotations").mkdir()
        for split, count in (("train", train), ("val", val)):
            drawn = scenes(split, count, digits=digits, size=size, seed=seed)
            described = _split(partial / split, drawn, digits)
            text = json.dumps(described, indent=1)
            (partial / "annotations" / f"instances_{split}.json").write_text(text, encoding="utf-8")
        write_sequences(partial, digits, count=sequences, size=size, seed=seed)

    return write_whole(directory, "annotations/instances_val.json", write).parent.parent


def _split(folder: Path, drawn: Sequence[Scene], digits: Sequence[int]) -> dict[str, Any]:
    folder.mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, scene in enumerate(drawn, start=1):
        name = f"{number:04d}.png"
        Image.fromarray(scene.pixels).save(folder / name)
        height, width = scene.pixels.shape[:2]
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for (x1, y1, x2, y2), kind in zip(scene.boxes.tolist(), scene.classes.tolist(), strict=True):
            box = [x1, y1, x2 - x1, y2 - y1]
            entry = {"image_id": number, "category_id": kind + 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1} | entry)
    categories = [{"id": index, "name": str(digit)} for index, digit in enumerate(digits, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}
