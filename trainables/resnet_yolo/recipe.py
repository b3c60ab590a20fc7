"""resnet_yolo: the detector of the ResNet-18 and YOLOv8 fixes report (document 002)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from trainables.loop_recipe import PackageRecipe
from trainables.objective import Bounds, Reports
from trainables.recipe import StrongestEnds
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.vision.metric_names import DETECTION, DETECTION_BOUNDS

if TYPE_CHECKING:
    from trainables.resnet_yolo.data import YoloData


class ResnetYolo(PackageRecipe[ResnetYoloSettings, "YoloData"]):
    """A one-stage detector on torchvision's ResNet-18, trained on data in YOLO's layout.

    Two named trainings are the report's: `broken`, which it starts from, and `fixed`, which it ends with.
    """

    name = "resnet_yolo"
    summary = "ResNet-18 detector on YOLO-format data (the ResNet-18 and YOLOv8 fixes report)"
    metric = "map50_95"
    reports: ClassVar[Reports] = DETECTION
    bounds: ClassVar[Mapping[str, Bounds]] = DETECTION_BOUNDS
    settings_type = ResnetYoloSettings
    package = "trainables.resnet_yolo"
    baseline = "fixed"
    presets_file = Path(__file__).with_name("presets.yaml")
    downloads: ClassVar[Mapping[str, Collection[str]]] = {"weights": {"torchvision"}}
    augmentation: ClassVar[StrongestEnds] = {"flip": "high", "hsv": "high", "mosaic": "high"}

    def open(self, path: Path) -> YoloData:
        """The checked data set whose YOLO data YAML is at `path`."""
        from trainables.resnet_yolo.data import open_yolo

        return open_yolo(path)

    def sample(self, directory: Path) -> Path:
        """Write 200 + 60 pictures of threes and sevens, and three sequences into `directory`; returns the data YAML."""
        from trainables.samples.digits import write_yolo

        return write_yolo(directory, sequences=3)

    def frame_input(self, picture: Path) -> Path:
        """The picture itself; see `trainables.tracks.tracked.Follows`."""
        return picture
