"""Data sets for YOLOX: labelled images in COCO's or YOLO's layout.

Everything is checked before the first epoch; decoded images stay in memory up to a bound, for all trials of a process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.class_match import ClassMatch, nothing_left
from trainables.manifest import Manifest
from trainables.tracks.sequence import Sequences
from trainables.vision.coco_layout import Picture
from trainables.vision.detection_data import read_pictures
from trainables.vision.findings import Findings
from trainables.vision.image_cache import CACHE_BYTES, ImageCache


@dataclass(frozen=True)
class CocoData:
    """A checked data set.

    Attributes:
        names: class names, in the order of their ids in the file; a picture's class is an index into them.
        train, val: the two splits.
        manifest: what is trained on, by content.
        cache: images as `trainables.yolox.images.Pictures` decodes them.
        findings: what was repaired or left out.
        sequences: with tracks, held out too; None unless asked for.
    """

    names: tuple[str, ...]
    train: tuple[Picture, ...]
    val: tuple[Picture, ...]
    manifest: Manifest
    cache: ImageCache[NDArray[np.uint8]]
    findings: Findings = field(default_factory=Findings)
    sequences: Sequences | None = None

    @property
    def fingerprint(self) -> str:
        """The manifest's: the same data give the same one anywhere."""
        return self.manifest.fingerprint

    def with_classes(self, match: ClassMatch) -> CocoData:
        """The data as a checkpoint numbers their classes; see `trainables.class_match.Named`."""
        train, val = (tuple(_renumbered(picture, match) for picture in split) for split in (self.train, self.val))
        if not any(len(picture.boxes) for picture in val):
            raise nothing_left(match, "object")
        return replace(self, names=match.trained, train=train, val=val)


def _renumbered(picture: Picture, match: ClassMatch) -> Picture:
    boxes, classes = match.rows(picture.boxes, picture.classes)
    crowds, crowd_classes = match.rows(picture.crowds, picture.crowds[:, 4])
    crowds = np.column_stack((crowds[:, :4], crowd_classes))
    return replace(picture, boxes=boxes, classes=classes, crowds=crowds)


def open_coco(path: Path, cache_bytes: int = CACHE_BYTES) -> CocoData:
    """Check the data set at `path`: each annotation, and whether each image is whole.

    It is a folder in one of the layouts of `trainables.vision.coco_layout`, or a data YAML as Ultralytics takes it
    (`trainables.vision.yolo_layout`) or its folder. Boxes are cut at the image's edge; boxes without area and boxes
    outside their image are left out and crowds not trained on, as in YOLOX's loader, and counted in the result's
    `findings`.

    Raises:
        DataError: with the file, the entry, what is wrong and how to mend it.
    """
    findings = Findings()
    data = read_pictures(path, findings)
    return CocoData(data.names, data.train, data.val, data.manifest, ImageCache(cache_bytes), findings)
