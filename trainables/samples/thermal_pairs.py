"""Handwritten digits as a colour and as a thermal camera would see them, by day and by night.

By day both planes show the digits, on real photographs. By night the colour plane is dark and noisy, and only the
thermal one shows them, since they are warmer than their background. The two are registered pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.atomic_folder import write_whole
from trainables.samples.digit_sequences import MovingScene, write_sequences
from trainables.samples.digits import Scene, label_lines, scenes

NIGHT_SHARE = 0.5
"""Share of the scenes that are at night."""
NIGHT_BRIGHTNESS, NIGHT_NOISE = 0.04, 8.0
"""Of the colour plane by night: digits and noise are equally bright, of 255."""
GROUND, WARMTH = {"day": (70.0, 110.0), "night": (25.0, 60.0)}, {"day": 70.0, "night": 130.0}
"""Thermal background and how much warmer a digit is, of 255: by day the ground is warm too."""
THERMAL_NOISE = 6.0


def write_rgbt(
    directory: Path,
    *,
    digits: Sequence[int] = (3, 7),
    train: int = 160,
    val: int = 60,
    size: int = 96,
    seed: int = 0,
    sequences: int = 0,
) -> Path:
    """Write pairs, YOLO labels and day or night into `directory`, whole or not at all; returns the data YAML.

    Args:
        directory: new, empty, or written by an earlier call.
        digits: the digits to find; their place in this list is their class.
        train: pairs to train on.
        val: pairs held out.
        size: side of an image in pixels.
        seed: of everything drawn.
        sequences: with tracks, held out too, by turns by day and by night.

    Raises:
        DataError: `directory` holds something else.
    """

    def write(partial: Path) -> None:
        write_sequences(partial, digits, count=sequences, size=size, seed=seed, save=_save_frame)
        described = ""
        for split, count in (("train", train), ("val", val)):
            random = np.random.default_rng([seed, split == "val", 1])
            _write_split(partial, split, scenes(split, count, digits=digits, size=size, seed=seed), random)
            described += f"{split}:\n  rgb: rgb/{split}\n  thermal: thermal/{split}\n  labels: labels/{split}\n"
            described += f"  scenes: scenes/{split}.csv\n"
        described += "names:\n" + "".join(f"  {index}: '{digit}'\n" for index, digit in enumerate(digits))
        (partial / "data.yaml").write_text(described, encoding="utf-8")

    return write_whole(directory, "data.yaml", write)


def _write_split(root: Path, split: str, drawn: Sequence[Scene], random: np.random.Generator) -> None:
    folders = {name: root / name / split for name in ("rgb", "thermal", "labels")}
    for folder in (*folders.values(), root / "scenes"):
        folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for index, scene in enumerate(drawn):
        name, when = f"{index:04d}", "night" if random.random() < NIGHT_SHARE else "day"
        colours = _night(scene.pixels, random) if when == "night" else scene.pixels
        Image.fromarray(colours).save(folders["rgb"] / f"{name}.png")
        Image.fromarray(_thermal(scene.ink, when, random)).save(folders["thermal"] / f"{name}.png")
        (folders["labels"] / f"{name}.txt").write_text(label_lines(scene), encoding="utf-8")
        lines.append(f"{name},{when}\n")
    (root / "scenes" / f"{split}.csv").write_text("".join(lines), encoding="utf-8")


def _save_frame(folder: Path, number: str, scene: MovingScene) -> None:
    """Write a frame's pair as img1/NUMBER.png and thermal/NUMBER.png; every second sequence is by night."""
    random = np.random.default_rng([int(folder.name[-2:]), 4])  # the same ground in each frame
    when = "night" if folder.name.endswith(("2", "4", "6", "8", "0")) else "day"
    colours = _night(scene.pixels, random) if when == "night" else scene.pixels
    for name, pixels in (("img1", colours), ("thermal", _thermal(scene.ink, when, random))):
        (folder / name).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / name / f"{number}.png")


def _night(pixels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    noisy = pixels * NIGHT_BRIGHTNESS + random.normal(0, NIGHT_NOISE, pixels.shape)
    return noisy.clip(0, 255).round().astype(np.uint8)


def _thermal(ink: NDArray[np.float64], when: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """A ground that gets warmer from one corner to the other, and the digits on it."""
    low, high = GROUND[when]
    size = len(ink)
    corners = random.uniform(low, high, size=(2, 2))
    across = np.linspace(0, 1, size)
    ground = np.array([1 - across, across]).T @ corners @ np.array([1 - across, across])
    warm = ground + ink * WARMTH[when] + random.normal(0, THERMAL_NOISE, ink.shape)
    rounded: NDArray[np.uint8] = warm.clip(0, 255).round().astype(np.uint8)
    return rounded
