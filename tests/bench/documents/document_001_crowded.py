"""Document 001's two trainings on crowded scenes, with a backbone that other objects have trained.

    python -m tests.bench.documents.document_001_crowded FOLDER [--seeds 5] [--set lr_scale=300]

Writes into FOLDER scenes of six to twelve small digits that overlap, and the weights of a backbone and neck that were
trained on such scenes of seven digits. Both trainings then get a head for the other three, as in the document: on a
backbone and neck that stay frozen, whose own training showed none of these classes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from search.cli.options import pairs
from tests.bench.documents.document_001 import side_by_side
from trainables.samples.coco_digits import write_coco
from trainables.samples.digits import Scene, background, inked, regions, strokes
from trainables.yolox.data import open_coco
from trainables.yolox.pretrain import OVERRIDES, trained, with_statistics
from trainables.yolox.recipe import Yolox

SEARCHED = (3, 7, 8)
OTHERS = (0, 1, 2, 4, 5, 6, 9)
FEWEST, MOST = 6, 12
SIDES = 0.15, 0.32
"""Smallest and largest side of a digit, as a share of the scene's."""
HIDDEN = 0.35
"""Share of a digit's box that later ones may cover, each."""


def crowded(split: str, count: int, *, digits: Sequence[int], size: int, seed: int) -> list[Scene]:
    """`count` scenes in place of `trainables.samples.digits.scenes`."""
    random = np.random.default_rng([seed, split == "val"])
    written, backgrounds = strokes(digits, split), regions(split)
    scenes = []
    for _ in range(count):
        canvas = background(random, backgrounds[int(random.integers(len(backgrounds)))], size)
        drawn = np.zeros((size, size))
        classes: list[int] = []
        boxes: list[tuple[int, int, int, int]] = []
        for _ in range(int(random.integers(FEWEST, MOST + 1))):
            kind = int(random.integers(len(written)))
            ink = inked(written[kind][random.integers(len(written[kind]))], round(size * random.uniform(*SIDES)))
            x, y = (int(random.integers(0, size - length + 1)) for length in ink.shape[::-1])
            box = (x, y, x + ink.shape[1], y + ink.shape[0])
            if any(_covered(other, box) > HIDDEN for other in boxes):
                continue
            colour = random.uniform(120, 255, size=3)
            patch = canvas[box[1] : box[3], box[0] : box[2]]
            patch += ink[..., None] * (colour - patch)
            drawn[box[1] : box[3], box[0] : box[2]] = ink
            classes.append(kind)
            boxes.append(box)
        scenes.append(Scene(canvas.round().astype(np.uint8), np.array(classes), np.array(boxes), drawn))
    return scenes


def _covered(box: tuple[int, int, int, int], by: tuple[int, int, int, int]) -> float:
    """Share of `box` that lies below another."""
    width = min(box[2], by[2]) - max(box[0], by[0])
    height = min(box[3], by[3]) - max(box[1], by[1])
    return max(0, width) * max(0, height) / ((box[2] - box[0]) * (box[3] - box[1]))


def backbone(folder: Path) -> Path:
    """The file of weights in `folder`, which is trained if it is not there."""
    file = folder / "backbone.pt"
    if not file.exists():
        settings = Yolox().settings("tiny", OVERRIDES)
        data = open_coco(write_coco(folder / "others", digits=OTHERS, train=500, val=60, seed=7))
        torch.save({"model": with_statistics(trained(data, settings, folder), data, settings)}, file)
    return file


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--set", action="append", help="of both trainings: epochs=30, lr_scale=1000, …")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with mock.patch("trainables.samples.coco_digits.scenes", crowded):
        weights = backbone(given.folder)
        data = open_coco(write_coco(given.folder / "searched", digits=SEARCHED, train=200, val=100, seed=1))
    changes = {"weights": str(weights)} | pairs(given.set, "--set")
    side_by_side(data, changes, range(given.first, given.first + given.seeds))


if __name__ == "__main__":
    main()
