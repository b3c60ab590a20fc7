"""Pictures of any shape fit the input, with their boxes where the network's answers are scaled back to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.vision.coco_layout import Picture
from trainables.vision.image_cache import ImageCache
from trainables.yolox.experiment import Experiment
from trainables.yolox.images import HeldOut, Pictures, scaled, training_images


@pytest.mark.parametrize("width", [77, 638, 1077])  # of which 640 / width * width is below 640
def test_the_longer_side_is_the_inputs(width: int) -> None:
    """One pixel less, and upstream scales the picture once more, which nobody takes back of the boxes that it finds."""
    assert scaled(np.zeros((50, width, 3), dtype=np.uint8), (640, 640)).shape[1] == 640


def test_a_file_that_is_read_upright_and_as_stored_is_decoded_both_ways(tmp_path: Path) -> None:
    """Two entries of a COCO file may name it, each with another size; see `Picture.upright`."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    box, kind = np.array([[0, 0, 10, 10.0]]), np.array([0])
    entries = [
        Picture(tmp_path / "turned.jpg", width, height, box, kind, b"", upright)
        for width, height, upright in ((20, 40, True), (40, 20, False))
    ]
    pictures = Pictures(entries, (40, 40), ImageCache(10**6))
    assert [pictures.pull_item(index)[0].shape for index in (0, 1)] == [(40, 20, 3), (20, 40, 3)]


def test_a_picture_thinner_than_a_pixel_of_the_input_is_one_row_of_it(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 12), (200, 0, 0)).save(tmp_path / "strip.png")
    strip = Picture(tmp_path / "strip.png", 2000, 12, np.array([[0, 0, 1000, 12.0]]), np.array([0]), b"")
    pictures = Pictures([strip], (64, 64), ImageCache(10**6))
    pixels, targets, _ = HeldOut(pictures)[0]
    assert pixels[2, 0].tolist() == [200.0] * 64
    assert pixels[2, 1].tolist() == [114.0] * 64
    assert targets[0].tolist() == pytest.approx([0, 16, 0.192, 32, 0.384])
    experiment = Experiment()
    experiment.input_size = (64, 64)
    image, *_ = training_images(pictures, experiment)[0]
    assert image.shape == (3, 64, 64)
