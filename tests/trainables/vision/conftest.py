from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Boxes = dict[str, list[list[float]]]
"""By an image's path: its rows of class cx cy w h, sorted."""
UltralyticsBoxes = Callable[[Path], tuple[list[str], dict[str, Boxes]]]


@pytest.fixture(scope="session")
def ultralytics_boxes() -> UltralyticsBoxes:
    """The class names and, by split, the boxes of Ultralytics' own loader."""
    from trainables.ultralytics_import import isolated

    with isolated():
        from ultralytics.data.dataset import YOLODataset
        from ultralytics.data.utils import check_det_dataset

    def read(file: Path) -> tuple[list[str], dict[str, Boxes]]:
        described: dict[str, Any] = check_det_dataset(str(file), autodownload=False)
        splits = {}
        for split in ("train", "val"):
            labels = YOLODataset(img_path=described[split], data=described, task="detect", augment=False).labels
            splits[split] = {
                str(Path(label["im_file"]).resolve()): rows(np.concatenate((label["cls"], label["bboxes"]), axis=1))
                for label in labels
            }
        return list(described["names"].values()), splits

    return read


def rows(labels: Any) -> list[list[float]]:
    """Without the boxes that have no area, which Ultralytics removes later."""
    return sorted(np.round(labels, 6).tolist() for labels in labels if min(labels[3:]) > 0)
