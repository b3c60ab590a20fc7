"""Handwritten digits that move, cross and hide one another, in MOTChallenge's layout: held-out data for trackers.

Digits and photographs are those that validation has (`trainables.samples.digits`), so a detector has seen none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.digits import background, inked, regions, strokes
from trainables.tracks.mot_layout import INFO, LABELS, TRACKS
from trainables.tracks.settings import FOLDER

RATE = 10
OBJECTS = 4
"""Digits in each sequence."""
SIDES = (0.25, 0.4)
"""Shares of a picture's side that a digit has."""
SPEED = 0.03
"""The most that a digit moves from frame to frame, as a share of a picture's side."""
PAN = 16
"""Pixels by which a camera moves in a whole sequence, in every second one."""
HIDDEN = 0.25
"""Share of a digit that must be seen for it to be among the tracks: MOTChallenge lists all, with their visibility."""


@dataclass(frozen=True)
class MovingScene:
    """One frame: `pixels` (size, size, 3) RGB, `ink` (size, size) from 0 to 1, and a row for each digit that is seen.

    `boxes` (M, 4) are x1 y1 x2 y2, `visibility` (M,) is the share of a digit that others leave to see.
    """

    pixels: NDArray[np.uint8]
    ink: NDArray[np.float64]
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    boxes: NDArray[np.float64]
    visibility: NDArray[np.float64]


SaveFrame = Callable[[Path, str, MovingScene], None]
"""Writes the picture, or pictures, of a frame into a sequence's folder; takes its number as text."""


def write_sequences(
    root: Path,
    digits: Sequence[int],
    *,
    count: int = 3,
    frames: int = 30,
    size: int = 96,
    seed: int = 0,
    save: SaveFrame | None = None,
) -> None:
    """Write `count` sequences into the folder `FOLDER` of a data set.

    Args:
        root: the data set's folder.
        digits: its classes, in their order.
        count: of sequences.
        frames: of each.
        size: side of a picture in pixels.
        seed: of everything drawn.
        save: writes the pictures; img1/000001.png if not given.
    """
    for number in range(1, count + 1):
        folder = root / FOLDER / f"digits-{number:02d}"
        scenes = moving_scenes(digits, frames=frames, objects=OBJECTS, size=size, seed=(seed, number))
        (folder / "gt").mkdir(parents=True)
        lines = []
        for index, scene in enumerate(scenes, start=1):
            (save or save_picture)(folder, f"{index:06d}", scene)
            for identity, kind, box, seen in zip(scene.ids, scene.classes, scene.boxes, scene.visibility, strict=True):
                x1, y1, x2, y2 = box.tolist()
                in_text = f"{x1:.1f},{y1:.1f},{x2 - x1:.1f},{y2 - y1:.1f}"
                lines.append(f"{index},{identity + 1},{in_text},1,{kind + 1},{seen:.2f}\n")
        (folder / TRACKS).write_text("".join(lines), encoding="utf-8")
        (folder / LABELS).write_text("".join(f"{digit}\n" for digit in digits), encoding="utf-8")
        described = f"name={folder.name}\nimDir=img1\nframeRate={RATE}\nseqLength={frames}\n"
        described += f"imWidth={size}\nimHeight={size}\nimExt=.png\n"
        (folder / INFO).write_text(f"[Sequence]\n{described}", encoding="utf-8")


def save_picture(folder: Path, number: str, scene: MovingScene) -> None:
    """Write a frame as img1/NUMBER.png."""
    (folder / "img1").mkdir(exist_ok=True)
    Image.fromarray(scene.pixels).save(folder / "img1" / f"{number}.png")


def moving_scenes(
    digits: Sequence[int], *, frames: int, objects: int, size: int, seed: tuple[int, int]
) -> list[MovingScene]:
    """The frames of one sequence. Digits bounce off the edges; a later one hides an earlier one where they cross."""
    random = np.random.default_rng([*seed, 2])
    written, photographs = strokes(digits, "val"), regions("val")
    pan = PAN if seed[1] % 2 == 0 else 0
    ground = background(random, photographs[int(random.integers(len(photographs)))], size + pan)
    classes = np.arange(objects) % len(digits)
    inks = [
        inked(written[kind][random.integers(len(written[kind]))], round(size * random.uniform(*SIDES)))
        for kind in classes
    ]
    colours = random.uniform(180, 255, size=(objects, 3))
    extents = np.array([ink.shape[::-1] for ink in inks])
    corners = random.uniform(0, size - extents)
    steps = random.uniform(-SPEED, SPEED, size=(objects, 2)) * size
    scenes = []
    for index in range(frames):
        at = round(pan * index / max(1, frames - 1))
        scenes.append(
            _scene(ground[at : at + size, at : at + size], inks, colours, corners.round().astype(int), classes)
        )
        moved = corners + steps
        bounced = (moved < 0) | (moved > size - extents)
        steps = np.where(bounced, -steps, steps)
        corners = (corners + steps).clip(0, size - extents)
    return scenes


def _scene(
    ground: NDArray[np.float64],
    inks: Sequence[NDArray[np.float64]],
    colours: NDArray[np.float64],
    corners: NDArray[np.int64],
    classes: NDArray[np.int64],
) -> MovingScene:
    canvas, owner = ground.copy(), np.full(ground.shape[:2], -1)
    drawn = np.zeros(ground.shape[:2])
    drawn_boxes = []
    for identity, (ink, colour, (x1, y1)) in enumerate(zip(inks, colours, corners.tolist(), strict=True)):
        area = np.s_[y1 : y1 + ink.shape[0], x1 : x1 + ink.shape[1]]
        canvas[area] += ink[..., None] * (colour - canvas[area])
        drawn[area] = np.maximum(drawn[area], ink)
        owner[area] = identity  # its whole box, so that a digit behind another is hidden, as a body hides one
        drawn_boxes.append((area, (x1, y1, x1 + ink.shape[1], y1 + ink.shape[0])))
    seen = np.array([(owner[area] == identity).mean() for identity, (area, _) in enumerate(drawn_boxes)])
    ids = np.flatnonzero(seen >= HIDDEN)
    boxes = np.array([box for _, box in drawn_boxes], dtype=np.float64)[ids]
    return MovingScene(canvas.round().astype(np.uint8), drawn, ids, classes[ids], boxes, seen[ids])
