"""What of an image file is not taken: told before the first trial by every recipe that reads images, or refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.yolo_folders import write
from trainables import registry
from trainables.errors import DataError
from trainables.file_facts import FileFacts
from trainables.samples.reference_videos import write_refdet
from trainables.vision.findings import Findings
from trainables.vision.image_facts import image_facts
from trainables.vision.image_files import UNREADABLE_IMAGE
from trainables.vision.unread import PAGES, Unread

RECIPES = ("resnet_yolo", "yolox", "rgbt", "ultralytics")
PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def picture(mode: str = "RGB", seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    return Image.fromarray(pixels).convert(mode)


def data_set(root: Path, recipe: str, make: Callable[[Path], object] | None = None, suffix: str = "tif") -> Path:
    """Two pictures in each split; `make`, if given, writes the training picture `odd`, or the thermal one of a pair."""
    for number, split in enumerate(("train", "val")):
        for index, name in enumerate(("0", "odd")):
            write(root / f"labels/{split}/{name}.txt", "0 0.5 0.5 0.25 0.5\n")
            for kind in ("images", "thermal"):
                file = root / kind / split / f"{name}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                picture("RGB" if kind == "images" else "L", 2 * number + index).save(file)
    if make:
        kind = "thermal" if recipe == "rgbt" else "images"
        (root / kind / "train/odd.png").unlink()
        make(root / kind / f"train/odd.{suffix}")
    folders = {split: f"images/{split}" for split in ("train", "val")}
    if recipe == "rgbt":
        folders = {
            split: f"{{rgb: images/{split}, thermal: thermal/{split}, labels: labels/{split}}}" for split in folders
        }
    return write(root / "data.yaml", f"train: {folders['train']}\nval: {folders['val']}\nnames: [cow]\n")


def pages(file: Path, **options: Any) -> None:
    """Two whole pages or frames."""
    picture("L").save(file, save_all=True, append_images=[picture("L", 1)], **options)


@pytest.mark.parametrize("name", RECIPES)
def test_images_of_several_pages_are_told_by_their_number(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    settings, data = recipe.settings("tiny", {}), recipe.open(data_set(tmp_path, name, pages))
    file = next(tmp_path.rglob("odd.tif"))
    assert [finding.file for finding in data.findings] == [file]
    (sentence,) = [warning for warning in recipe.look(settings, data).warnings if "pages" in warning]
    assert sentence == (
        f"1 of the {8 if name == 'rgbt' else 4} image files holds several pages or frames, of which only the first is "
        f"used: save each that counts as its own file ({file})"
    )


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_told_of_single_pictures(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    data = recipe.open(data_set(tmp_path, name))
    assert [*data.findings] == []
    assert not any("image files" in warning for warning in recipe.look(recipe.settings("tiny", {}), data).warnings)


def test_frames_of_classified_pictures_are_told(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for number, name in enumerate(("3", "7")):
            (tmp_path / split / name).mkdir(parents=True)
            picture(seed=number).save(tmp_path / split / name / "a.png")
    pages(tmp_path / "val/7/b.webp")
    recipe = registry.find("ultralytics")
    data = recipe.open(tmp_path)
    warnings = recipe.look(recipe.settings("tiny", {"model": "yolo26n-cls.yaml"}), data).warnings
    assert any(warning.startswith("1 of the 5 image files holds several pages or frames") for warning in warnings)


def test_pages_of_reference_images_are_told(tmp_path: Path) -> None:
    root = write_refdet(tmp_path, train=2, test=2, frames=3, size=64)
    reference = sorted(root.rglob("*.png"))[0]
    pages(reference)
    recipe = registry.find("refdet")
    data = recipe.open(root)
    assert [(finding.kind, finding.file) for finding in data.findings] == [(PAGES, reference)]
    assert any("holds several pages" in line for line in recipe.look(recipe.settings("tiny", {}), data).warnings)


def smaller_copies(file: Path) -> None:
    """As in a Cloud Optimised GeoTIFF: the picture, a mask of it, and a smaller copy."""
    frames = []
    for kind, image in ((4, picture("1")), (1, picture().resize((32, 24)))):
        image.encoderinfo = {"tiffinfo": {254: kind}}
        frames.append(image)
    picture().save(file, save_all=True, append_images=frames)


def sixteen(planes: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    values = np.random.default_rng(0).integers(0, 2**16, (48, 64, planes), dtype=np.uint16)
    return values if planes > 1 else values[..., 0]


SAVED: dict[str, tuple[Callable[[Path], object], Unread]] = {
    "a.tif": (lambda file: picture().save(file), Unread.NOTHING),
    "a.jpg": (lambda file: picture().save(file), Unread.NOTHING),
    "one bit.png": (lambda file: picture("1").save(file), Unread.NOTHING),
    "one bit.tif": (lambda file: picture("1").save(file, compression="group4"), Unread.NOTHING),
    "palette.png": (lambda file: picture("P").save(file), Unread.NOTHING),
    "palette.tif": (lambda file: picture("P").save(file), Unread.NOTHING),
    "cmyk.jpg": (lambda file: picture("CMYK").save(file), Unread.NOTHING),
    "cmyk.tif": (lambda file: picture("CMYK").save(file), Unread.NOTHING),
    "ycbcr.tif": (lambda file: picture("YCbCr").save(file), Unread.NOTHING),
    "of a drone.mpo": (lambda file: pages(file), Unread.NOTHING),
    "cloud optimised.tif": (smaller_copies, Unread.NOTHING),
    "pages.tif": (pages, Unread.PAGES),
    "pages.TIFF": (lambda file: pages(file, compression="tiff_lzw"), Unread.PAGES),
    "animated.png": (pages, Unread.PAGES),
    "animated.webp": (pages, Unread.PAGES),
    "animated.avif": (pages, Unread.PAGES),
    "named.png": (lambda file: pages(file, format="GIF"), Unread.PAGES),
    "raw.dng": (lambda file: picture().save(file, "TIFF", tiffinfo={254: 1}), Unread.PICTURE),
    "alpha.png": (lambda file: picture("RGBA").save(file), Unread.PLANES),
    "alpha.tif": (lambda file: picture("RGBA").save(file), Unread.PLANES),
    "grey and alpha.tif": (lambda file: picture("LA").save(file), Unread.PLANES),
    "near infrared.tif": (lambda file: cv2.imwrite(str(file), np.dstack([PIXELS, PIXELS[..., 0]])), Unread.PLANES),
    "one colour transparent.png": (lambda file: picture("P").save(file, transparency=0), Unread.PLANES),
    "grey of 16 bits.png": (lambda file: Image.fromarray(sixteen(1)).save(file), Unread.LOWER_BITS),
    "grey of 16 bits.tif": (lambda file: Image.fromarray(sixteen(1)).save(file), Unread.LOWER_BITS),
    "colour of 16 bits.png": (lambda file: cv2.imwrite(str(file), sixteen(3)), Unread.LOWER_BITS),
    "colour of 16 bits.tif": (lambda file: cv2.imwrite(str(file), sixteen(3)), Unread.LOWER_BITS),
    "all of it.png": (lambda file: cv2.imwrite(str(file), sixteen(4)), Unread.PLANES | Unread.LOWER_BITS),
}


@pytest.mark.parametrize("name", SAVED)
def test_each_part_that_is_not_taken_is_known_also_of_a_file_that_is_not_read_again(name: str, tmp_path: Path) -> None:
    make, unread = SAVED[name]
    make(tmp_path / name)
    facts = FileFacts(None, clock=lambda: 2**62)
    for _ in range(2):
        findings = Findings()
        examined = image_facts(tmp_path / name, facts, findings)
        assert (examined.why, examined.unread) == ("", unread)
        assert len(findings) == len(unread)
    assert facts.read_count == 1


def test_a_tiff_whose_pages_lead_to_each_other_is_a_single_page(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    picture("L").save(file)
    content = bytearray(file.read_bytes())
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    end = first + 2 + 12 * entries
    content[end : end + 4] = content[4:8]
    file.write_bytes(content)
    assert image_facts(file, FileFacts(None)).unread == Unread.NOTHING


REFUSED: dict[str, Callable[[Path], object]] = {
    "float32": lambda file: picture("F").save(file),
    "float64": lambda file: cv2.imwrite(str(file), PIXELS.astype(np.float64)),
    "int32": lambda file: picture("I").save(file),
    "int16": lambda file: cv2.imwrite(str(file), PIXELS[..., 0].astype(np.int16) * 100),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("name", RECIPES)
def test_pixels_of_an_unknown_range_are_refused(name: str, kind: str, tmp_path: Path) -> None:
    """Ultralytics' check accepts them; its training ends at one, or takes numbers of another range."""
    with pytest.raises(DataError, match=rf"odd\.tif: its pixels are {kind}, whose range is not known; save it with 8"):
        registry.find(name).open(data_set(tmp_path, name, REFUSED[kind]))


def half(file: Path) -> None:
    picture().resize((400, 240)).save(file)
    os.truncate(file, file.stat().st_size // 2)


def test_ultralytics_leaves_out_what_would_end_its_training(tmp_path: Path) -> None:
    """Its own check reads the header of a WebP alone."""
    recipe = registry.find("ultralytics")
    data: Any = recipe.open(data_set(tmp_path, "ultralytics", half, "webp"))
    assert [image.name for image in data.sets[0].images["train"]] == ["0.png"]
    assert [(finding.kind, finding.file.name) for finding in data.findings] == [(UNREADABLE_IMAGE, "odd.webp")]


def test_what_is_left_out_of_a_folder_of_classes_is_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.cfg import get_cfg

    from trainables.ultralytics.check import read_split

    monkeypatch.setenv("STEADYTUNE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data"
    for split in ("train", "val"):
        for number, name in enumerate(("3", "7")):
            (root / split / name).mkdir(parents=True)
            picture(seed=number).save(root / split / name / "a.avif")
    half(root / "train/3/b.webp")
    (root / "val/3/a.avif").unlink()
    half(root / "val/3/c.webp")
    data: Any = registry.find("ultralytics").open(root)
    (dataset,) = data.sets
    assert sorted(finding.file.name for finding in data.findings) == ["b.webp", "c.webp"]
    for split, classes in (("train", [0, 1]), ("val", [1])):
        images = read_split(dataset, split, "", get_cfg(overrides={"task": "classify"}), augment=False)
        assert sorted(sample[0] for sample in images.samples) == sorted(map(str, dataset.images[split]))
        assert sorted(sample[1] for sample in images.samples) == classes


def four_pages(file: Path, mode: str = "L") -> None:
    picture(mode).save(file, save_all=True, append_images=[picture(mode, seed) for seed in range(3)])


def turned(file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture("RGBA").save(file, exif=exif.tobytes())


@pytest.mark.parametrize(
    ("make", "suffix", "expected"),
    [
        (
            lambda file: picture().save(file),
            "png",
            r"odd\.png: is an image of the shape \(48, 64, 3\); it must be \(hei",
        ),
        (
            turned,
            "png",
            r"odd\.png: is turned by its EXIF tag, which Ultralytics does not heed in pictures of 4 planes",
        ),
        (lambda file: four_pages(file, "F"), "tif", r"odd\.tif: its pixels are float32, whose range is not known"),
    ],
)
def test_pictures_of_four_planes_are_checked_before_the_first_trial(
    make: Callable[[Path], object], suffix: str, expected: str, tmp_path: Path
) -> None:
    recipe = registry.find("ultralytics")
    file = data_set(tmp_path, "ultralytics", make, suffix)
    for picture_file in (tmp_path / "images").rglob("0.png"):
        picture_file.unlink()
    picture("RGBA", 2).save(tmp_path / "images/val/odd.png")
    file.write_text(file.read_text() + "channels: 4\n")
    with pytest.raises(DataError, match=expected):
        recipe.check(recipe.settings("tiny", {}), recipe.open(file))


@pytest.mark.parametrize("channels", ["0", "true", "four", "[4]", "3.0"])
def test_channels_that_are_no_number_of_planes_are_refused(channels: str, tmp_path: Path) -> None:
    file = data_set(tmp_path, "ultralytics")
    file.write_text(file.read_text() + f"channels: {channels}\n")
    with pytest.raises(DataError, match=r"data\.yaml: channels is .*; it must be the number of planes of a picture"):
        registry.find("ultralytics").open(file)


def test_the_pages_of_a_tiff_are_planes_where_the_data_have_more_than_three(tmp_path: Path) -> None:
    """Ultralytics stacks them (`channels: 4`), so all of them are used."""
    file = data_set(tmp_path, "ultralytics", four_pages)
    file.write_text(file.read_text() + "channels: 4\n")
    assert [*registry.find("ultralytics").open(file).findings] == []
