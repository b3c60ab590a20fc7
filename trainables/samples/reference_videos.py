"""Videos in the layout of the RefDet few-shot guide (document 003), each searched for one handwritten sign.

A sign is a digit, rotated by a multiple of 90 degrees and maybe mirrored. So ten digits make enough classes to keep
some out of training. Every frame holds the referenced sign and up to four of other digits: a detector that ignores the
reference is wrong four times in five.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.atomic_folder import write_whole
from trainables.samples.digits import background, free_place, inked, regions, strokes

TRAINED, NOVEL = (0, 1, 2, 3, 4, 5, 6), (7, 8, 9)
"""Digits of the two splits. A six turned by a half looks like a nine: none that looks like a novel sign is a class of
the sample's training, but such sixes are among the others in its frames, and `turn` makes classes of them."""
ALIKE = (0, 1, 8)
"""Look much the same turned by a half or mirrored."""
OTHERS = 4
"""Signs in a frame besides the referenced one, where there is room."""
FRAMES_A_SECOND = 10
Kind = tuple[int, int, bool]


def write_refdet(
    directory: Path, *, train: int = 24, test: int = 8, frames: int = 10, size: int = 96, seed: int = 0
) -> Path:
    """Write `train` and `test` videos of `frames` frames into `directory`, whole or not at all; returns `directory`.

    Args:
        directory: new, empty, or written by an earlier call.
        train: videos to train on, each of its own class.
        test: videos of novel classes.
        frames: of a video, all annotated.
        size: side of a frame in pixels.
        seed: of everything drawn.

    Raises:
        DataError: `directory` holds something else.
    """

    def write(partial: Path) -> None:
        for split, digits, count in (("train", TRAINED, train), ("test", NOVEL, test)):
            _write_split(partial / split, kinds(digits)[:count], kinds(digits), split, frames, size, seed)
        (partial / "README.txt").write_text(
            "Handwritten signs in the layout of the RefDet few-shot guide.\n", encoding="utf-8"
        )

    return write_whole(directory, "README.txt", write).parent


def kinds(digits: Sequence[int]) -> list[Kind]:
    """Every sign of `digits`, so ordered that the first few are as different as can be."""
    turns = [(0, False), (1, False), (2, True), (3, True), (2, False), (3, False), (0, True), (1, True)]
    return [(digit, *turn) for number, turn in enumerate(turns) for digit in digits if number < 2 or digit not in ALIKE]


def _write_split(
    root: Path, chosen: Sequence[Kind], all_kinds: Sequence[Kind], split: str, frames: int, size: int, seed: int
) -> None:
    half = "train" if split == "train" else "val"
    random = np.random.default_rng([seed, split == "test", 2])
    written = dict(zip(range(10), strokes(range(10), half), strict=True))
    signs = {kind: turned(written[kind[0]], kind) for kind in all_kinds}
    backgrounds = regions(half)
    entries = []
    for kind in chosen:
        name = f"Sign{kind[0]}{'abcd'[kind[1]]}{'m' if kind[2] else ''}_0"
        folder = root / "samples" / name
        (folder / "object_images").mkdir(parents=True)
        for number in range(1, 4):
            pixels = reference(random, signs[kind], backgrounds, size)
            Image.fromarray(pixels).save(folder / "object_images" / f"img_{number}.png")
        drawn = [_frame(random, kind, signs, backgrounds, size) for _ in range(frames)]
        _encode(folder / "drone_video.mp4", [pixels for pixels, _ in drawn])
        boxes = [
            {"frame": number, "x1": box[0], "y1": box[1], "x2": box[2], "y2": box[3]}
            for number, (_, box) in enumerate(drawn)
        ]
        entries.append({"video_id": name, "annotations": [{"bboxes": boxes}]})
    (root / "annotations").mkdir()
    (root / "annotations" / "annotations.json").write_text(json.dumps(entries, indent=1), encoding="utf-8")


def turned(images: NDArray[np.float64], kind: Kind) -> NDArray[np.float64]:
    """`images` (n, 8, 8) of the digit as `kind` turns it."""
    _, quarters, mirrored = kind
    turned = np.rot90(images, quarters, axes=(1, 2))
    return turned[:, :, ::-1] if mirrored else turned


def reference(
    random: np.random.Generator, sign: NDArray[np.float64], backgrounds: Sequence[NDArray[np.uint8]], size: int
) -> NDArray[np.uint8]:
    """One sign that fills most of the picture."""
    canvas = background(random, backgrounds[int(random.integers(len(backgrounds)))], size)
    _paint(random, canvas, inked(sign[random.integers(len(sign))], round(size * 0.85)), (size // 12, size // 12))
    return canvas.round().astype(np.uint8)


def _frame(
    random: np.random.Generator,
    kind: Kind,
    signs: dict[Kind, NDArray[np.float64]],
    backgrounds: Sequence[NDArray[np.uint8]],
    size: int,
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """A picture of the sign `kind` and of others, and the box of the former."""
    canvas = background(random, backgrounds[int(random.integers(len(backgrounds)))], size)
    rest = [other for other in signs if other[0] != kind[0]]
    chosen = [kind, *(rest[int(index)] for index in random.permutation(len(rest))[:OTHERS])]
    boxes: list[tuple[int, int, int, int]] = []
    for sign in chosen:
        ink = inked(signs[sign][random.integers(len(signs[sign]))], round(size * random.uniform(0.24, 0.34)))
        corner = free_place(random, ink.shape, boxes, size)
        if corner is not None:
            boxes.append(_paint(random, canvas, ink, corner))
    return canvas.round().astype(np.uint8), boxes[0]


def _paint(
    random: np.random.Generator, canvas: NDArray[np.float64], ink: NDArray[np.float64], corner: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Draw `ink` in a bright colour; returns its box."""
    x1, y1 = corner
    box = (x1, y1, x1 + ink.shape[1], y1 + ink.shape[0])
    patch = canvas[box[1] : box[3], box[0] : box[2]]
    patch += ink[..., None] * (random.uniform(180, 255, size=3) - patch)
    return box


def _encode(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=Fraction(FRAMES_A_SECOND))
        stream.width, stream.height = pictures[0].shape[1], pictures[0].shape[0]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for pixels in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
