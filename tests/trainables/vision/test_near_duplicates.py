"""Nearly equal pictures are found, as they are and mirrored; different ones are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trainables.samples.digits import write_yolo
from trainables.vision import near_duplicates
from trainables.vision.decode import decode, thumbnail
from trainables.vision.near_duplicates import (
    MOST_BITS,
    NONE,
    Hashes,
    hashes,
    nearest,
    shrunk,
    small_pictures,
    source_name,
)

Picture = NDArray[np.uint8]


def scene(seed: int, size: tuple[int, int] = (240, 320)) -> Picture:
    """Smooth patches of light and dark, as photographs have them."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 8), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def hashed(*pictures: Picture) -> Hashes:
    return hashes([*map(shrunk, pictures)])


CHANGES: dict[str, Callable[[Picture], Any]] = {
    "smaller": lambda picture: cv2.resize(picture, (160, 120), interpolation=cv2.INTER_AREA),
    "brighter": lambda picture: (picture * 0.7 + 60).astype(np.uint8),
    "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "cut a little": lambda picture: picture[2:-2, 2:-2],
    "compressed": lambda picture: cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], 0),
    "with noise": lambda picture: (picture * 0.9 + np.random.default_rng(0).integers(0, 25, picture.shape)).astype(
        np.uint8
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change: str) -> None:
    originals = [scene(seed) for seed in range(20)]
    closest = nearest(hashed(*(CHANGES[change](picture) for picture in originals)), hashed(*originals))
    assert closest.index.tolist() == list(range(20))
    assert (closest.bits <= MOST_BITS).sum() >= 19


def test_different_pictures_are_not_near() -> None:
    assert min(nearest(hashed(*(scene(seed) for seed in range(200)))).bits) > MOST_BITS


def test_within_a_split_a_picture_is_compared_with_those_before_it() -> None:
    pictures = [scene(seed) for seed in (1, 2, 1, 3, 1)]
    closest = nearest(hashed(*pictures))
    assert closest.bits.tolist()[0] == NONE
    assert [(index, bits) for index, bits in zip(closest.index, closest.bits, strict=True) if bits == 0] == [(0, 0)] * 2


def test_more_pictures_than_a_block_are_compared_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.vision.near_duplicates.BLOCK", 3)
    pictures = hashed(*(scene(seed % 7) for seed in range(14)))
    assert nearest(pictures).index.tolist()[7:] == list(range(7))
    assert (nearest(pictures, pictures).bits == 0).all()


def test_dark_pictures_with_a_bright_object_in_places_that_differ_are_told_apart(tmp_path: Path) -> None:
    """The hash alone takes two of rgbt's digits at night for the same; see `LEAST_CORRELATION`."""

    def night(x: int, y: int, noise: int) -> Picture:
        picture = np.random.default_rng(noise).integers(10, 14, (96, 96)).astype(np.uint8)
        cv2.circle(picture, (x, y), 9, 120, -1)
        return picture

    grid = hashed(*(night(x, y, x * y) for x in (10, 25, 40) for y in range(15, 90, 15)))
    assert min(nearest(grid).bits) > MOST_BITS


def test_plain_pictures_of_one_grey_are_alike_and_not_like_others() -> None:
    plain = np.full((64, 64), 128, dtype=np.uint8)
    assert nearest(hashed(plain, plain)).bits.tolist() == [NONE, 0]
    assert nearest(hashed(plain), hashed(scene(1))).bits[0] > MOST_BITS


def test_no_picture_has_no_neighbour() -> None:
    assert not len(nearest(hashed()).bits)
    assert nearest(hashed(scene(1)), hashed()).bits.tolist() == [NONE]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_thumbnail_shows_what_the_whole_image_shows(suffix: str, turned: bool, tmp_path: Path) -> None:
    file = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    Image.fromarray(scene(1, (400, 640))).convert("RGB").save(file, exif=exif.tobytes())
    grey = cv2.cvtColor(decode(file), cv2.COLOR_RGB2GRAY)
    small = thumbnail(file.read_bytes(), file, 640, 400, 32)
    assert nearest(hashed(small), hashed(grey)).bits[0] <= 2
    assert small.size < grey.size / 50 or suffix != "jpg"
    assert (small.shape[0] > small.shape[1]) == turned


def test_files_are_hashed_as_their_pixels_are(tmp_path: Path) -> None:
    write_yolo(tmp_path, train=6, val=2)
    files = sorted((tmp_path / "images" / "train").iterdir())
    sizes = [Image.open(file).size for file in files]
    from_files = hashes(small_pictures([(file, *size) for file, size in zip(files, sizes, strict=True)]))
    from_pixels = hashed(*(cv2.cvtColor(decode(file), cv2.COLOR_RGB2GRAY) for file in files))
    assert nearest(from_files, from_pixels).index.tolist() == list(range(6))


def test_what_was_decoded_is_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYTUNE_CACHE", str(tmp_path / "cache"))
    files = [tmp_path / f"{index}.png" for index in range(3)]
    for index, file in enumerate(files):
        Image.fromarray(scene(index)).save(file)
        os.utime(file, (10**9, 10**9))
    sized = [(file, 320, 240) for file in files]
    first = small_pictures(sized)
    decoded: list[Path] = []

    def thumbnail(content: bytes, file: Path, *size: int) -> Picture:
        decoded.append(file)
        return scene(9)

    monkeypatch.setattr(near_duplicates, "thumbnail", thumbnail)
    assert all(np.array_equal(*pair) for pair in zip(small_pictures(sized), first, strict=True))
    assert decoded == []
    Image.fromarray(scene(7)).save(files[1])
    changed = small_pictures(sized)
    assert decoded == [files[1]]
    assert np.array_equal(changed[1], shrunk(scene(9)))
    assert np.array_equal(changed[2], first[2])


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("student-21_jpg.rf.b7b431d1e06a736130382bb7ad06dae5.jpg", "student-21_jpg"),
        ("69_aug_2.jpg", "69"),
        ("cow-Aug12.png", "cow"),
        ("cow_augmented_3.png", "cow"),
        ("69.jpg", ""),
        ("august_2.jpg", ""),
        ("frame.rf.1.jpg", ""),
    ],
)
def test_the_name_of_a_copy_tells_what_it_is_a_copy_of(name: str, source: str) -> None:
    assert source_name(Path(name)) == source
