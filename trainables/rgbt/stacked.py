"""Pairs as 4-channel images in Ultralytics' own layout: `python -m trainables.rgbt.stacked DATA.yaml FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from trainables.rgbt.data import Pairs, RgbtData, open_rgbt
from trainables.vision.decode import decode


def stack(data: RgbtData, directory: Path, clahe: bool = False) -> Path:
    """Write `data` into `directory` as PNGs of the planes R G B T, YOLO labels and a data YAML; returns the YAML.

    The fourth plane lies where a PNG has its alpha. Ultralytics feeds four planes in the order of the file as OpenCV
    reads it, which swaps the first three: they are stored B G R, so that R G B T is what arrives.
    """
    for split, pairs in (("train", data.train), ("val", data.val)):
        _write_split(pairs, directory, split, clahe)
    described = {
        "path": str(directory.resolve()),
        "train": "images/train",
        "val": "images/val",
        "channels": 4,
        "names": dict(enumerate(data.names)),
    }
    path = directory / "data.yaml"
    path.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return path


def _write_split(pairs: Pairs, directory: Path, split: str, clahe: bool) -> None:
    images, labels = directory / "images" / split, directory / "labels" / split
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    for index, sample in enumerate(pairs.samples):
        side = max(decode(sample.rgb).shape[:2])
        planes, _ = pairs.load(index, side, clahe)
        Image.fromarray(np.ascontiguousarray(planes[..., [2, 1, 0, 3]]), "RGBA").save(images / f"{index:06d}.png")
        rows = (f"{int(row[0])} " + " ".join(f"{value:.6f}" for value in row[1:]) for row in sample.labels)
        (labels / f"{index:06d}.txt").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def main() -> None:
    """Stack the data set that the command line names."""
    parser = argparse.ArgumentParser(description=stack.__doc__.splitlines()[0] if stack.__doc__ else None)
    parser.add_argument("data", type=Path, help="data YAML of the pairs")
    parser.add_argument("directory", type=Path, help="where the 4-channel images and their data.yaml go")
    parser.add_argument("--clahe", action="store_true", help="equalise the thermal plane, as thermal_clahe does")
    options = parser.parse_args()
    print(stack(open_rgbt(options.data), options.directory, options.clahe))


if __name__ == "__main__":
    main()
