"""Which frames an episode shows, and what its references are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.refdet.data import Clip, RefdetData
from trainables.refdet.settings import RefdetSettings

HSV = 0.015, 0.7, 0.4
"""Largest change of hue (in turns), saturation and value (in shares): Ultralytics' defaults."""
EASY_WAY, EASY_QUERY = 2, 4
"""What the curriculum of the RefDet few-shot guide (document 003) starts from."""


class Episode(NamedTuple):
    """B query frames of C classes.

    Attributes:
        frames: (B, 3, S, S) uint8.
        references: (C, K, 3, R, R) uint8, of each class.
        objects: boxes (M, 4) of each frame, x1 y1 x2 y2 in its pixels.
        classes: (B,) of each frame, from 0: its index in `references`.
    """

    frames: Tensor
    references: Tensor
    objects: list[Tensor]
    classes: Tensor


def episode_size(epoch: int, settings: RefdetSettings) -> tuple[int, int]:
    """n_way and n_query of `epoch` (from 1): under the curriculum they rise in the guide's three parts.

    Its parts are epochs 1–30, 31–60 and 61–100 of 100, at (2, 4), (3, 6) and (4, 8): halfway in the second.
    """
    if not settings.curriculum:
        return settings.n_way, settings.n_query
    progress = epoch / settings.epochs
    share = 0.0 if progress <= 0.3 else 0.5 if progress <= 0.6 else 1.0
    way, query = min(EASY_WAY, settings.n_way), min(EASY_QUERY, settings.n_query)
    return (round(way + share * (settings.n_way - way)), round(query + share * (settings.n_query - query)))


def draw(data: RefdetData, settings: RefdetSettings, way: int, query: int, random: np.random.Generator) -> Episode:
    """One training episode of `way` classes, at most as many as there are, with `query` frames each, augmented."""
    chosen = random.permutation(len(data.train))[:way]
    clips = [data.train[index] for index in chosen]
    picked = [(kind, clip, int(number)) for kind, clip in enumerate(clips) for number in _frames(clip, query, random)]
    turns = [_turn(settings, random) for _ in clips]
    parts = [
        _augmented(*turned(*loaded(data, clip, number, settings), *turns[kind]), settings, random)
        for kind, clip, number in picked
    ]
    shots = [_references(data, clip, turns[kind], settings, random) for kind, clip in enumerate(clips)]
    classes = torch.tensor([kind for kind, _, _ in picked])
    return Episode(stacked([part[0] for part in parts]), torch.stack(shots), [part[1] for part in parts], classes)


def loaded(data: RefdetData, clip: Clip, number: int, settings: RefdetSettings) -> tuple[NDArray[np.uint8], Tensor]:
    """A frame (S, S, 3) and the boxes (M, 4) in its pixels."""
    pixels, scale = data.frames.frame(clip.video, number, settings.image_size)
    return pixels, torch.from_numpy(clip.boxes[number] * np.float32(scale))


def turned(pixels: NDArray[np.uint8], boxes: Tensor, quarters: int, mirrored: bool) -> tuple[NDArray[np.uint8], Tensor]:
    """A square frame (S, S, 3) and its boxes (M, 4), `quarters` counter-clockwise and then maybe left to right."""
    side = pixels.shape[1]
    pixels = np.rot90(pixels, quarters)
    for _ in range(quarters):
        boxes = torch.stack((boxes[:, 1], side - boxes[:, 2], boxes[:, 3], side - boxes[:, 0]), dim=1)
    return _mirrored(pixels, boxes) if mirrored else (pixels, boxes)


def stacked(pictures: list[NDArray[np.uint8]]) -> Tensor:
    """`pictures` (S, S, 3) as (B, 3, S, S)."""
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy())


def _frames(clip: Clip, query: int, random: np.random.Generator) -> NDArray[np.int64]:
    frames = np.array(clip.frames)
    return random.choice(frames, size=query, replace=len(frames) < query)


def _turn(settings: RefdetSettings, random: np.random.Generator) -> tuple[int, bool]:
    """Quarters and mirroring of one class in an episode, its references and frames alike: a class of its own."""
    if random.random() >= settings.turn:
        return 0, False
    return int(random.integers(4)), bool(random.integers(2))


def _references(
    data: RefdetData, clip: Clip, turn: tuple[int, bool], settings: RefdetSettings, random: np.random.Generator
) -> Tensor:
    images = data.references(clip, settings.reference_size)
    count = settings.n_reference
    chosen = images[random.choice(len(images), size=count, replace=len(images) < count)]
    return stacked([turned(image, torch.zeros(0, 4), *turn)[0] for image in chosen])


def _mirrored(pixels: NDArray[np.uint8], boxes: Tensor) -> tuple[NDArray[np.uint8], Tensor]:
    width = pixels.shape[1]
    return pixels[:, ::-1], torch.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), dim=1)


def _augmented(
    pixels: NDArray[np.uint8], boxes: Tensor, settings: RefdetSettings, random: np.random.Generator
) -> tuple[NDArray[np.uint8], Tensor]:
    if random.random() < settings.hsv:
        pixels = _recoloured(pixels, random.uniform(-1, 1, 3) * HSV)
    if random.random() < settings.fliplr:
        pixels, boxes = _mirrored(pixels, boxes)
    return pixels, boxes


def _recoloured(pixels: NDArray[np.uint8], shift: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`pixels` (S, S, 3), RGB, with hue, saturation and value changed by `shift`. Grey stays grey."""
    import cv2

    levels = np.arange(256.0)
    hue = (levels + 180 * shift[0]) % 180  # OpenCV has hues of 8 bits in steps of two degrees
    saturation, value = (np.clip(levels * (1 + share), 0, 255) for share in shift[1:])
    tables = np.stack((hue, saturation, value), axis=1).astype(np.uint8)[None]
    changed = cv2.LUT(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV), tables)
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_HSV2RGB), dtype=np.uint8)
