"""Real handwritten digits on crops of real photographs: small detection data sets that a small model can learn.

The digits are scikit-learn's (UCI's test set of optical recognition), the photographs scikit-learn's and Ultralytics'.
Training and validation share neither a digit nor a region of a photograph.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.atomic_folder import write_whole

PHOTOGRAPHS = (
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
    ("ultralytics", "assets/bus.jpg"),
    ("ultralytics", "assets/zidane.jpg"),
)
HELD_OUT = 0.7
"""Share of each photograph's width, and of each class's digits, that training draws from; validation has the rest."""
DIM = 0.4
"""Brightness of the background: at full brightness a small detector learns nothing in a dozen epochs (measured)."""


@dataclass(frozen=True)
class Scene:
    """One picture: `pixels` (size, size, 3) RGB, `classes` (M,) and `boxes` (M, 4) as x1 y1 x2 y2 in pixels.

    `ink` (size, size), from 0 to 1, is where the digits are.
    """

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]
    boxes: NDArray[np.int64]
    ink: NDArray[np.float64]


def write_yolo(
    directory: Path,
    *,
    digits: Sequence[int] = (3, 7),
    train: int = 200,
    val: int = 60,
    size: int = 96,
    seed: int = 0,
    sequences: int = 0,
) -> Path:
    """Write a data set in YOLO's layout into `directory`, whole or not at all; returns its data YAML.

    A data set that an earlier call wrote there is left as it is.

    Args:
        directory: new, empty, or written by an earlier call.
        digits: the digits to find; their place in this list is their class.
        train: images to train on.
        val: images held out.
        size: side of an image in pixels.
        seed: of everything drawn.
        sequences: with tracks, held out too; see `trainables.samples.digit_sequences`.

    Raises:
        DataError: `directory` holds something else.
    """
    from trainables.samples.digit_sequences import write_sequences  # which imports this module

    def write(partial: Path) -> None:
        for split, count in (("train", train), ("val", val)):
            write_split(partial, split, scenes(split, count, digits=digits, size=size, seed=seed))
        names = "".join(f"  {index}: '{digit}'\n" for index, digit in enumerate(digits))
        write_sequences(partial, digits, count=sequences, size=size, seed=seed)
        (partial / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames:\n{names}", encoding="utf-8")

    return write_whole(directory, "data.yaml", write)


def scenes(split: str, count: int, *, digits: Sequence[int], size: int, seed: int) -> list[Scene]:
    """`count` scenes of one to three `digits` each, for `split` "train" or "val"; the same for the same arguments."""
    random = np.random.default_rng([seed, split == "val"])
    written, backgrounds = strokes(digits, split), regions(split)
    return [_scene(random, written, backgrounds, size) for _ in range(count)]


def strokes(digits: Sequence[int], split: str) -> list[NDArray[np.float64]]:
    """For each of `digits` the images (n, 8, 8) of `split`, ink from 0 to 1."""
    return [_half(images, split) for images in _handwriting(digits)]


def regions(split: str) -> list[NDArray[np.uint8]]:
    """The part of each photograph that belongs to `split`."""
    return [_region(photograph, split) for photograph in _photographs()]


def label_lines(scene: Scene) -> str:
    """The labels of `scene` in YOLO's format."""
    x1, y1, x2, y2 = scene.boxes.T
    shares = np.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), axis=1) / len(scene.pixels)
    rows = [" ".join(f"{share:.6f}" for share in row) for row in shares]
    return "".join(f"{kind} {row}\n" for kind, row in zip(scene.classes, rows, strict=True))


def write_split(root: Path, split: str, drawn: Sequence[Scene], label: Callable[[Scene], str] = label_lines) -> None:
    """Write `drawn` as the images and labels of `split`; `label` gives the text of a label file."""
    images, labels = root / "images" / split, root / "labels" / split
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for index, scene in enumerate(drawn):
        Image.fromarray(scene.pixels).save(images / f"{index:04d}.png")
        (labels / f"{index:04d}.txt").write_text(label(scene), encoding="utf-8")


def _handwriting(digits: Sequence[int]) -> list[NDArray[np.float64]]:
    """For each of `digits` its images (n, 8, 8), ink from 0 to 1."""
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return [loaded.images[loaded.target == digit] / 16 for digit in digits]


def _photographs() -> list[NDArray[np.uint8]]:
    photographs = []
    for package, name in PHOTOGRAPHS:
        spec = importlib.util.find_spec(package)  # the file's place only: importing the package would take seconds
        assert spec is not None
        assert spec.origin is not None
        with Image.open(Path(spec.origin).parent / name) as opened:
            opened.thumbnail((640, 640))
            photographs.append(np.asarray(opened.convert("RGB")))
    return photographs


def _half(images: NDArray[np.float64], split: str) -> NDArray[np.float64]:
    cut = round(len(images) * HELD_OUT)
    return images[:cut] if split == "train" else images[cut:]


def _region(photograph: NDArray[np.uint8], split: str) -> NDArray[np.uint8]:
    cut = round(photograph.shape[1] * HELD_OUT)
    return photograph[:, :cut] if split == "train" else photograph[:, cut:]


def _scene(
    random: np.random.Generator,
    strokes: Sequence[NDArray[np.float64]],
    backgrounds: Sequence[NDArray[np.uint8]],
    size: int,
) -> Scene:
    canvas = background(random, backgrounds[int(random.integers(len(backgrounds)))], size)
    drawn = np.zeros((size, size))
    classes: list[int] = []
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(random.integers(1, 4)):
        kind = int(random.integers(len(strokes)))
        ink = inked(strokes[kind][random.integers(len(strokes[kind]))], round(size * random.uniform(0.25, 0.5)))
        corner = free_place(random, ink.shape, boxes, size)
        if corner is None:
            continue
        x1, y1 = corner
        box = (x1, y1, x1 + ink.shape[1], y1 + ink.shape[0])
        colour = random.uniform(180, 255, size=3)
        patch = canvas[box[1] : box[3], box[0] : box[2]]
        patch += ink[..., None] * (colour - patch)
        drawn[box[1] : box[3], box[0] : box[2]] = ink
        classes.append(kind)
        boxes.append(box)
    return Scene(canvas.round().astype(np.uint8), np.array(classes), np.array(boxes), drawn)


def background(random: np.random.Generator, photograph: NDArray[np.uint8], size: int) -> NDArray[np.float64]:
    """A dimmed crop (size, size, 3) of `photograph`."""
    side = int(random.integers(min(size, *photograph.shape[:2]), min(2 * size, *photograph.shape[:2]) + 1))
    y, x = (int(random.integers(0, length - side + 1)) for length in photograph.shape[:2])
    crop = Image.fromarray(photograph[y : y + side, x : x + side]).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(crop, dtype=np.float64) * DIM


def inked(image: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """One digit (8, 8) enlarged to about `side` pixels and cut to its ink: the box is the array's own edge."""
    enlarged = Image.fromarray((image * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    ink = np.asarray(enlarged, dtype=np.float64) / 255
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.3), np.flatnonzero(ink.max(axis=0) > 0.3)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def free_place(
    random: np.random.Generator, shape: tuple[int, ...], boxes: Sequence[tuple[int, int, int, int]], size: int
) -> tuple[int, int] | None:
    """A top left corner at which a patch of `shape` touches none of `boxes`; None if twenty tries found none."""
    height, width = shape[:2]
    for _ in range(20):
        x1, y1 = int(random.integers(0, size - width + 1)), int(random.integers(0, size - height + 1))
        if all(x1 >= x4 or x1 + width <= x3 or y1 >= y4 or y1 + height <= y3 for x3, y3, x4, y4 in boxes):
            return x1, y1
    return None
