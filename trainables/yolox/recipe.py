"""yolox: YOLOX on COCO-format data, fine-tuned as in the YOLOX stability report (document 001)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainables.loop_recipe import PackageRecipe
from trainables.objective import Bounds, Reports
from trainables.recipe import StrongestEnds
from trainables.vision.metric_names import DETECTION, DETECTION_BOUNDS
from trainables.yolox.settings import YoloxSettings

if TYPE_CHECKING:
    from trainables.yolox.data import CocoData


class Yolox(PackageRecipe[YoloxSettings, "CocoData"]):
    """Upstream's YOLOX (pixeltable-yolox), fine-tuned with frozen parts on data in COCO's layout.

    Three named trainings are the report's: `clean-v2`, `smooth`, which oscillated, and `stable-v3`. Where report and
    code disagree, the code is followed: mixup happens only inside a mosaic, and the report's learning rate is no
    schedule of upstream's (`yoloxwarmcos` rises quadratically and ends flat), so it is one of its own, `three_phase`.
    YOLOX-L has 54.15 M parameters with 7 classes, of which the head's 7.55 M are trained.
    """

    name = "yolox"
    summary = "YOLOX on COCO-format data, frozen backbone and neck (the YOLOX stability report)"
    metric = "map50_95"
    reports: ClassVar[Reports] = DETECTION
    bounds: ClassVar[Mapping[str, Bounds]] = DETECTION_BOUNDS
    settings_type = YoloxSettings
    package = "trainables.yolox"
    baseline = "stable-v3"
    presets_file = Path(__file__).with_name("presets.yaml")
    downloads: ClassVar[Mapping[str, Collection[str]]] = {
        "weights": {f"yolox_{size}" for size in ("nano", "tiny", "s", "m", "l", "x")}
    }
    shipped: ClassVar[Mapping[str, Collection[str]]] = {"weights": {"digits"}}
    augmentation: ClassVar[StrongestEnds] = {
        "mosaic_prob": "high",
        "mixup_prob": "high",
        "hsv_prob": "high",
        "flip_prob": "high",
        "degrees": "high",
        "translate": "high",
        "shear": "high",
        "scale_min": "low",
        "scale_max": "high",
    }

    def open(self, path: Path) -> CocoData:
        """The checked data set in the folder `path`, in COCO's layout."""
        from trainables.yolox.data import open_coco

        return open_coco(path)

    def sample(self, directory: Path) -> Path:
        """Write 200 + 60 pictures of three handwritten digits, and three sequences, into `directory`; returns it."""
        from trainables.samples.coco_digits import write_coco

        return write_coco(directory, sequences=3)

    def frame_input(self, picture: Path) -> Path:
        """The picture itself; see `trainables.tracks.tracked.Follows`."""
        return picture
