"""What an episode of refdet shows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from trainables.refdet.data import RefdetData, open_refdet
from trainables.refdet.episodes import draw, turned
from trainables.refdet.recipe import Refdet
from trainables.samples.reference_videos import write_refdet


@pytest.mark.parametrize(("quarters", "mirrored"), [*product(range(4), (False, True))])
def test_a_box_turns_with_its_frame(quarters: int, mirrored: bool) -> None:
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[5:9, 20:26] = 255  # y 5 to 9, x 20 to 26
    turned_pixels, boxes = turned(pixels, torch.tensor([[20.0, 5.0, 26.0, 9.0]]), quarters, mirrored)
    x1, y1, x2, y2 = map(int, boxes[0].tolist())
    assert turned_pixels[y1:y2, x1:x2].min() == 255
    assert turned_pixels.sum() == turned_pixels[y1:y2, x1:x2].sum() == pixels.sum()


def test_the_eight_turns_are_all_different() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    ways = product(range(4), (False, True))
    assert len({turned(pixels, torch.zeros(0, 4), *way)[0].tobytes() for way in ways}) == 8


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> RefdetData:
    return open_refdet(write_refdet(tmp_path_factory.mktemp("v") / "v", train=2, test=2, frames=2, size=64))


def test_a_turned_class_turns_its_references_and_its_frames_alike(videos: RefdetData) -> None:
    changes = {"image_size": 64, "reference_size": 56, "n_reference": 3, "turn": 1.0, "hsv": 0.0, "fliplr": 0.0}
    settings = Refdet().settings("tiny", changes)
    seen = set()
    for seed in range(12):
        episode = draw(videos, settings, 2, 1, np.random.default_rng(seed))
        for index in range(2):  # one frame of each class
            frames = [videos.frames.frame(clip.video, number, 64)[0] for clip in videos.train for number in clip.frames]
            shots = [image for clip in videos.train for image in videos.references(clip, 56)]
            way = _turn_of(episode.frames[index].permute(1, 2, 0).numpy(), frames)
            assert way == _turn_of(episode.references[index, 0].permute(1, 2, 0).numpy(), shots)
            seen.add(way)
    assert len(seen) == 8


def _turn_of(shown: np.ndarray, originals: list[np.ndarray]) -> tuple[int, bool]:
    """How one of `originals` was turned into `shown`."""
    ways = product(range(4), (False, True))
    return next(
        way
        for way in ways
        for original in originals
        if np.array_equal(turned(original, torch.zeros(0, 4), *way)[0], shown)
    )
