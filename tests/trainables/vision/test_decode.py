"""The decoder's pixels are those of Ultralytics' own reader, whatever the file's format and orientation.

People met the kinds in AlexeyAB/Yolo_mark#107, HumanSignal/labelImg#376 and ultralytics/ultralytics#19222 (EXIF),
ultralytics/yolov5#8481 and ultralytics/ultralytics#21645 (16 bits), ultralytics/yolov5#2446 (MPO, from a drone).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.limits import limits
from trainables.vision.decode import UndecodableError, decode, decode_grey
from trainables.vision.image_facts import _Header, image_facts

ORIENTATION = 0x0112
"""The EXIF tag; 1 is upright, 6 is how phones store a picture that was taken in portrait."""


@pytest.fixture(scope="session")
def ultralytics_read() -> Callable[[Path], NDArray[np.uint8]]:
    """RGB pixels as Ultralytics' loaders read them."""
    from trainables.ultralytics_import import isolated

    with isolated():
        from ultralytics.utils.patches import imread

    return lambda file: np.asarray(imread(str(file)))[..., ::-1]


def picture() -> Image.Image:
    """40 by 24 pixels with a bright corner, so that no two orientations look alike."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[2:8, 3:15] = (230, 120, 40)
    pixels[12:14, 30:38] = (20, 200, 90)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "webp", "tif", "avif"])
def test_each_orientation_is_read_upright(
    suffix: str, orientation: int, tmp_path: Path, ultralytics_read: Callable[[Path], NDArray[np.uint8]]
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = tmp_path / f"a.{suffix}"
    picture().save(file, exif=exif if suffix == "tif" else exif.tobytes(), quality=95)
    assert decode(file).shape == ((24, 40, 3) if orientation < 5 else (40, 24, 3))
    assert np.array_equal(decode(file), ultralytics_read(file))
    swapped = decode(file, upright=False).shape != decode(file).shape
    image = image_facts(file, FileFacts(None))
    assert (image.height, image.width, image.turned) == (*decode(file).shape[:2], swapped)


def test_pixels_as_stored_are_had_by_asking_for_them(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture().save(tmp_path / "a.png", exif=exif.tobytes())
    assert np.array_equal(decode(tmp_path / "a.png", upright=False), np.asarray(picture()))


def sixteen(mode: str) -> NDArray[np.uint16]:
    return np.asarray(picture().convert(mode)).astype(np.uint16) * 257


SAVED: dict[str, Callable[[Path], object]] = {
    "grey.png": lambda file: picture().convert("L").save(file),
    "grey.bmp": lambda file: picture().convert("L").save(file),
    "one bit.png": lambda file: picture().convert("1").save(file),
    "palette.png": lambda file: picture().convert("P").save(file),
    "palette with transparency.png": lambda file: picture().convert("P").save(file, transparency=0),
    "grey and alpha.png": lambda file: picture().convert("LA").save(file),
    "alpha.png": lambda file: picture().convert("RGBA").save(file),
    "alpha.webp": lambda file: picture().convert("RGBA").save(file),
    "cmyk.jpg": lambda file: picture().convert("CMYK").save(file),
    "grey of 16 bits.png": lambda file: Image.fromarray(sixteen("L")).save(file),
    "grey of 16 bits.tif": lambda file: Image.fromarray(sixteen("L")).save(file),
    "colour of 16 bits.png": lambda file: cv2.imwrite(str(file), sixteen("RGB")),
    "jpeg 2000.jp2": lambda file: picture().save(file),
    "of a drone.mpo": lambda file: picture().save(file, save_all=True, append_images=[picture().rotate(180)]),
    "animated.webp": lambda file: picture().save(file, save_all=True, append_images=[picture().rotate(180)]),
    "animated.png": lambda file: picture().save(file, save_all=True, append_images=[picture().rotate(180)]),
    "two pages.tif": lambda file: picture().save(file, save_all=True, append_images=[picture().rotate(180)]),
    "one bit.tif": lambda file: picture().convert("1").save(file, compression="group4"),
    "cmyk.tif": lambda file: picture().convert("CMYK").save(file),
    "alpha.tif": lambda file: picture().convert("RGBA").save(file),
    "colour of 16 bits.tif": lambda file: cv2.imwrite(str(file), sixteen("RGB")),
    "one grey transparent.png": lambda file: picture().convert("L").save(file, transparency=0),
    "two bits.png": lambda file: picture().convert("L").quantize(4).save(file, bits=2),
    "orientation 9.jpg": lambda file: picture().save(
        file, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\t\0\0\0\0\0\0\0"
    ),
    "named webp.jpg": lambda file: picture().save(file, "WEBP"),
    "named jpeg.heic": lambda file: picture().save(file, "JPEG"),
    "named png.jpg": lambda file: picture().save(file, "PNG"),
}


@pytest.mark.parametrize("name", SAVED)
def test_each_kind_of_pixel_is_read_as_ultralytics_reads_it(
    name: str, tmp_path: Path, ultralytics_read: Callable[[Path], NDArray[np.uint8]]
) -> None:
    SAVED[name](tmp_path / name)
    assert np.array_equal(decode(tmp_path / name), np.broadcast_to(ultralytics_read(tmp_path / name), (24, 40, 3)))
    image = image_facts(tmp_path / name, FileFacts(None))
    assert (image.width, image.height, image.why) == (40, 24, "")


def test_of_16_bits_the_upper_half_counts(tmp_path: Path) -> None:
    Image.fromarray(sixteen("L")).save(tmp_path / "a.png")
    assert np.array_equal(decode_grey(tmp_path / "a.png"), np.asarray(picture().convert("L")))


def bomb(file: Path) -> None:
    """A PNG of a hundred kilobytes that unpacks to 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = (30_000).to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + bytes([1, 0, 0, 0, 0]))
    rows = zlib.compress(bytes(3751) * 30_000)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def half(file: Path) -> None:
    picture().resize((400, 240)).save(file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def sparse(file: Path) -> None:
    """A file that claims a terabyte and takes none."""
    file.touch()
    os.truncate(file, 10**12)


UNREADABLE: dict[str, tuple[Callable[[Path], Any], type[DataError], str]] = {
    "words.png": (lambda file: file.write_text("hello"), UndecodableError, "cannot be decoded"),
    "empty.jpg": (lambda file: file.touch(), UndecodableError, "is empty"),
    "half.png": (half, UndecodableError, "cannot be decoded"),
    "half.jpg": (half, UndecodableError, "cannot be decoded"),
    "half.webp": (half, UndecodableError, "cannot be decoded"),
    "half.avif": (half, UndecodableError, "cannot be decoded"),
    "bomb.png": (bomb, UndecodableError, "more than 134,217,728 pixels"),
    "tiny.png": (lambda file: Image.new("L", (9, 40)).save(file), UndecodableError, "both sides must be at least 10"),
    "floats.tif": (lambda file: Image.new("F", (40, 40)).save(file), DataError, "pixels are float32"),
    "a folder.png": (lambda file: file.mkdir(), DataError, "no regular file but a folder"),
    "a pipe.png": (os.mkfifo, DataError, "no regular file but a pipe"),
    "a device.png": (lambda file: file.symlink_to("/dev/zero"), DataError, "no regular file but a device"),
    "a link.png": (lambda file: file.symlink_to("nowhere.png"), DataError, "a link to nothing"),
    "missing.png": (lambda file: None, DataError, "no such file"),
    "sparse.png": (sparse, DataError, "has 1,000,000"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_one_sentence_with_its_name(name: str, tmp_path: Path) -> None:
    make, kind, sentence = UNREADABLE[name]
    make(tmp_path / name)
    with pytest.raises(kind, match=sentence) as error:
        decode(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))
    if kind is UndecodableError:
        assert image_facts(tmp_path / name, FileFacts(None)).why in str(error.value)
    else:
        with pytest.raises(kind, match=sentence):
            image_facts(tmp_path / name, FileFacts(None))


def test_a_picture_is_read_again_only_if_it_has_changed(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    facts = FileFacts(None, clock=lambda: 2**62)  # by which every file is old
    first = [image_facts(tmp_path / name, facts) for name in ("a.png", "b.png")]
    assert [image_facts(tmp_path / name, facts) for name in ("a.png", "b.png")] == first
    assert facts.read_count == 2
    picture().transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png")
    assert (image_facts(tmp_path / "a.png", facts).width, facts.read_count) == (24, 3)


def test_the_most_pixels_are_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture().save(tmp_path / "a.png")
    facts = FileFacts(None, clock=lambda: 2**62)
    assert not image_facts(tmp_path / "a.png", facts).why
    monkeypatch.setenv("STEADYTUNE_MAX_IMAGE_PIXELS", "959")
    limits.cache_clear()
    try:
        assert (
            "40x24 pixels, more than 959, the limit STEADYTUNE_MAX_IMAGE_PIXELS"
            in image_facts(tmp_path / "a.png", facts).why
        )
        with pytest.raises(UndecodableError, match="40x24 pixels"):
            decode(tmp_path / "a.png")
    finally:
        limits.cache_clear()


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (HEIC, "`pip install pi-heif` adds HEIC"),
        (b"no picture" * 20, "truncated, empty or of a format that is not supported"),
    ],
)
def test_a_picture_that_pillow_does_not_know_is_told_without_an_address_in_memory(
    content: bytes, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainables.vision.decode._register_heif", lambda: None)
    monkeypatch.setattr(Image, "OPEN", {name: opener for name, opener in Image.OPEN.items() if name != "HEIF"})
    (tmp_path / "a.heic").write_bytes(content)
    with pytest.raises(UndecodableError) as caught:
        decode(tmp_path / "a.heic")
    assert str(caught.value) == (
        f"{tmp_path / 'a.heic'}: cannot be decoded ({why}); replace or remove the image and its labels"
    )


def test_what_could_not_be_decoded_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that decodes it may have been installed since."""
    file = tmp_path / "a.heic"
    picture().save(file, "JPEG")
    facts = FileFacts(None, clock=lambda: 2**62)
    with monkeypatch.context() as without_jpeg:
        without_jpeg.setattr(Image, "OPEN", {name: opener for name, opener in Image.OPEN.items() if name == "PNG"})
        without_jpeg.setattr("trainables.vision.image_facts._header", lambda content, body: _Header())
        assert image_facts(file, facts).why
    examined = image_facts(file, facts)
    assert (examined.why, examined.width, examined.height) == ("", 40, 24)
