"""Thermal clips that a small model can learn: warm handwritten digits that move over a cool scene, most alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.atomic_folder import write_whole

MOTIONS = {
    "standing": (0.0, 0.0, 0.0),
    "walking right": (1.0, 0.0, 0.0),
    "walking left": (-1.0, 0.0, 0.0),
    "falling": (0.0, 1.0, 0.0),
    "rising": (0.0, -1.0, 0.0),
    "coming closer": (0.0, 0.0, 1.0),
}
"""By class: how far a digit goes right, down and towards the camera."""
SHARES = (0.54, 0.16, 0.12, 0.08, 0.06, 0.04)
"""Of the classes: the thermal SlowFast report (document 004) has 54 % in one, and some with a handful of clips."""
FRAMES, HEIGHT, WIDTH = 64, 40, 60
"""Of a clip, as in the report."""
AIR, BODY, NOISE = 21.0, 33.0, 0.4
"""Celsius of the scene and of a digit's ink, and what a sensor adds."""
REACH = (0.3, 1.2)
"""How much of its class's motion a clip shows: some hardly move, and are told from those that stand by little."""
SWAY = 2.0
"""Pixels that every digit drifts by in a clip, whatever its class."""
HELD_OUT = 0.7
"""Share of the digits that training draws from; validation has the rest."""


def write_thermal(directory: Path, *, train: int = 160, val: int = 100, seed: int = 0) -> Path:
    """Write a data set as `trainables.slowfast.data` reads it into `directory`, whole or not at all; returns it.

    A data set that an earlier call wrote there is left as it is.

    Args:
        directory: new, empty, or written by an earlier call.
        train: clips to train on.
        val: clips held out, of other digits.
        seed: of everything drawn.

    Raises:
        DataError: `directory` holds something else.
    """

    def write(partial: Path) -> None:
        import h5py
        from sklearn.datasets import load_digits

        (partial / "annotations").mkdir()
        mapping = {name: number for number, name in enumerate(MOTIONS)}
        (partial / "annotations" / "class_mapping.json").write_text(json.dumps(mapping, indent=1), encoding="utf-8")
        ink = load_digits().images / 16
        cut = round(len(ink) * HELD_OUT)
        for number, (split, count, digits) in enumerate((("train", train, ink[:cut]), ("val", val, ink[cut:]))):
            random = np.random.default_rng([seed, number])
            labels = _labels(count)
            random.shuffle(labels)
            with h5py.File(partial / f"{split}.h5", "w") as file:
                shape = (count, FRAMES, HEIGHT, WIDTH)
                frames = file.create_dataset("frames", shape, dtype="f4", chunks=(1, *shape[1:]))
                for index, label in enumerate(labels):
                    digit = digits[random.integers(len(digits))]
                    frames[index] = _clip(random, digit, list(MOTIONS.values())[label])
                file.create_dataset("labels", data=labels)

    return write_whole(directory, "annotations/class_mapping.json", write).parent.parent


def _labels(count: int) -> NDArray[np.int64]:
    """Labels of `count` clips in the shares of `SHARES`, each class at least once if there is room."""
    edges = np.round(np.cumsum(SHARES) * count).astype(np.int64)
    return np.searchsorted(edges, np.arange(count), side="right").clip(max=len(SHARES) - 1)


def _clip(
    random: np.random.Generator, digit: NDArray[np.float64], motion: tuple[float, float, float]
) -> NDArray[np.float32]:
    """(FRAMES, HEIGHT, WIDTH) in Celsius: `digit` (8, 8) moves through the middle of the picture."""
    scene = AIR + np.cumsum(random.normal(0, 0.15, (HEIGHT, WIDTH)), axis=1)
    right, down, closer = motion
    x, y = WIDTH / 2 + random.uniform(-8, 8), HEIGHT / 2 + random.uniform(-4, 4)
    side, reach = random.uniform(14, 18), random.uniform(*REACH)
    sway, dip = random.uniform(-SWAY, SWAY, 2)
    frames = np.empty((FRAMES, HEIGHT, WIDTH), dtype=np.float32)
    for index, done in enumerate(np.linspace(-0.5, 0.5, FRAMES)):
        size = round(side * (1 + 0.9 * closer * done * reach))
        ink = np.asarray(Image.fromarray((digit * 255).astype(np.uint8)).resize((size, size))) / 255
        left = round(x + (24 * right * reach + sway) * done - size / 2)
        top = round(y + (16 * down * reach + dip) * done - size / 2)
        frame = scene + random.normal(0, NOISE, scene.shape)
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + size, WIDTH), min(top + size, HEIGHT)
        part = ink[y1 - top : y2 - top, x1 - left : x2 - left]
        frame[y1:y2, x1:x2] += part * (BODY - frame[y1:y2, x1:x2])
        frames[index] = frame
    return frames
