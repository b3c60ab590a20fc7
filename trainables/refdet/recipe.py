"""refdet: the detector of the RefDet few-shot guide (document 003)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.loop_recipe import PackageRecipe
from trainables.objective import Bounds, Reports
from trainables.recipe import StrongestEnds
from trainables.refdet.settings import RefdetSettings
from trainables.vision.metric_names import DETECTION, DETECTION_BOUNDS

if TYPE_CHECKING:
    from trainables.refdet.data import RefdetData


class Refdet(PackageRecipe[RefdetSettings, "RefdetData"]):
    """YOLOv8n finds in drone videos what a few reference images show, by a ViT's view of them.

    The metric is of classes that training never sees.
    """

    name = "refdet"
    summary = "few-shot detection by reference images (the RefDet few-shot guide)"
    metric = "map50"
    reports: ClassVar[Reports] = {**DETECTION, "shuffled/map50": None, "shuffled/map50_95": None}
    bounds: ClassVar[Mapping[str, Bounds]] = DETECTION_BOUNDS
    settings_type = RefdetSettings
    package = "trainables.refdet"
    baseline = "stage-2"
    presets_file = Path(__file__).with_name("presets.yaml")
    downloads: ClassVar[Mapping[str, Collection[str]]] = {"weights": {"yolov8n"}, "reference_weights": {"dinov2"}}
    shipped: ClassVar[Mapping[str, Collection[str]]] = {"reference_weights": {"sample"}}
    augmentation: ClassVar[StrongestEnds] = {"fliplr": "high", "turn": "high", "hsv": "high"}

    def start_settings(self, export: Path) -> Mapping[str, Any]:
        """See `trainables.start.Starts`; a checkpoint has the reference encoder too."""
        return {**super().start_settings(export), "reference_weights": "none"}

    def open(self, path: Path) -> RefdetData:
        """The checked data set in the folder `path`, which holds `train` and `test`."""
        from trainables.refdet.data import open_refdet

        return open_refdet(path)

    def sample(self, directory: Path) -> Path:
        """Write 24 + 8 videos of handwritten signs into `directory`."""
        from trainables.samples.reference_videos import write_refdet

        return write_refdet(directory)

    def example_input(self, picture: Any) -> Any:
        """A frame and a reference; see `Recipe.example_input`."""
        return {"frame": picture, "references": [picture]}
