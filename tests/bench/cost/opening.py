"""How long opening a data set takes: `python -m tests.bench.cost.opening [--images 20000] [--repeat 3] [--folder DIR]`.

Small JPEG and PNG pictures with labels in YOLO's layout. Ultralytics' `YOLODataset` and `resnet_yolo` open it in turn,
each in a process of its own whose imports are done before the clock starts: first without what an earlier opening left
behind, then with it (Ultralytics' `.cache` files, our cache of files). A ratio is of two openings of one round; that of
processor time holds on a busy machine too.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

OPENERS = ("ultralytics", "resnet_yolo")
SIDES = (48, 64, 80)
"""Pixels. Pictures are random tiles, so that no two are equal."""


def write(folder: Path, images: int) -> Path:
    """`images` pictures, a tenth of them for validation, each with up to six boxes; returns the data YAML."""
    draw = np.random.default_rng(0)
    for number in range(images):
        split = "val" if number % 10 == 0 else "train"
        width, height = draw.choice(SIDES, 2)
        tiles = draw.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
        image = folder / "images" / split / f"{number:06d}.{'png' if number % 4 == 0 else 'jpg'}"
        boxes = [
            f"{draw.integers(5)} .5 .5 {box_width:.6f} {box_height:.6f}"
            for box_width, box_height in draw.uniform(0.1, 0.9, (draw.integers(7), 2))
        ]
        label = folder / "labels" / split / f"{number:06d}.txt"
        for file in (image, label):
            file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(image), cv2.resize(tiles, (int(width), int(height)), interpolation=cv2.INTER_CUBIC))
        label.write_text("\n".join(boxes))
    data = folder / "data.yaml"
    data.write_text("train: images/train\nval: images/val\nnames: [a, b, c, d, e]\n")
    return data


Seconds = tuple[float, float]
"""Wall time and processor time."""


def seconds(opener: str, data: Path) -> Seconds:
    """How long `opener` takes to open both splits of `data`, after its imports."""
    open_both = _ultralytics(data) if opener == "ultralytics" else _ours(data)
    start = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        images = open_both()
    took = time.perf_counter() - start[0], time.process_time() - start[1]
    assert images == sum(file.suffix in (".jpg", ".png") for file in data.parent.rglob("images/*/*"))
    return took


def _ours(data: Path) -> Callable[[], int]:
    from trainables.resnet_yolo.data import open_yolo

    def open_both() -> int:
        opened = open_yolo(data)
        return len(opened.train) + len(opened.val)

    return open_both


def _ultralytics(data: Path) -> Callable[[], int]:
    from trainables.ultralytics_import import isolated

    with isolated():
        from ultralytics.cfg import get_cfg
        from ultralytics.data import YOLODataset
        from ultralytics.data.utils import check_det_dataset

    def open_both() -> int:
        described = check_det_dataset(str(data))
        of_split = [
            YOLODataset(img_path=described[split], data=described, task="detect", hyp=get_cfg(), augment=False)
            for split in ("train", "val")
        ]
        return sum(map(len, of_split))

    return open_both


def measured(opener: str, data: Path, cache: Path) -> Seconds:
    """The same in a process of its own, whose cache of files is under `cache`."""
    command = [sys.executable, "-m", "tests.bench.cost.opening", "--open", opener, "--folder", str(data)]
    environment = os.environ | {"STEADYTUNE_CACHE": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    wall, processor = map(float, done.stdout.split()[-2:])
    return wall, processor


def rounds(data: Path, repeat: int, cache: Path) -> dict[str, list[Seconds]]:
    """Seconds of each opening, by "opener first" or "opener second"."""
    took: dict[str, list[Seconds]] = {f"{opener} {which}": [] for which in ("first", "second") for opener in OPENERS}
    for number in range(repeat):
        for file in data.parent.rglob("*.cache"):
            file.unlink()
        for name in took:
            took[name].append(measured(name.split()[0], data, cache / str(number)))
    return took


def ratio(ours: list[Seconds], theirs: list[Seconds], which: int) -> str:
    """The median and the extremes of the ratios of the rounds, of wall time (0) or processor time (1)."""
    shares = [
        ours_of_round[which] / theirs_of_round[which]
        for ours_of_round, theirs_of_round in zip(ours, theirs, strict=True)
    ]
    return f"{statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})"


def main() -> None:
    """Print a table of seconds and of ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--folder", type=Path, help="where the pictures are kept; default: a temporary folder")
    parser.add_argument("--open", choices=OPENERS, help="only open the data YAML FOLDER once and print the seconds")
    options = parser.parse_args()
    if options.open:
        print(*seconds(options.open, options.folder))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "data"
        data = folder / "data.yaml" if (folder / "data.yaml").is_file() else write(folder, options.images)
        took = rounds(data, options.repeat, Path(temporary) / "cache")
    print("| opening | seconds | × Ultralytics' first, wall | processor | × its second, wall | processor |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, values in took.items():
        against = [took[f"ultralytics {which}"] for which in ("first", "second")]
        shares = [ratio(values, theirs, which) for theirs in against for which in (0, 1)]
        print(f"| {name} | {statistics.median(wall for wall, _ in values):.2f} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
