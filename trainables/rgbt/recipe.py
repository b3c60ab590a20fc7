"""rgbt: RGB and thermal detection, after the RGB and thermal YOLO26x report (document 000)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.loop_recipe import PackageRecipe
from trainables.objective import Bounds, Reports
from trainables.recipe import StrongestEnds
from trainables.rgbt.settings import TEACHERS, RgbtSettings
from trainables.vision.metric_names import DETECTION, DETECTION_BOUNDS

if TYPE_CHECKING:
    from trainables.rgbt.data import RgbtData


class Rgbt(PackageRecipe[RgbtSettings, "RgbtData"]):
    """Ultralytics' YOLO26 with a thermal channel beside red, green and blue, on registered pairs of images.

    Three things differ from the report, which describes an older release: YOLO26 has no DFL but an L1 box loss; its
    first convolution is (4, 96) at size x, not (4, 64); copy-paste does nothing for boxes, so it is left out.
    """

    name = "rgbt"
    summary = "YOLO26 on RGB and thermal pairs (the RGB and thermal YOLO26x report)"
    metric = "map50_95"
    reports: ClassVar[Reports] = {
        **DETECTION,
        **dict.fromkeys(("day/map50_95", "day/map50", "night/map50_95", "night/map50", "no_thermal/map50_95"), "max"),
        **dict.fromkeys(("thermal/gradient", "thermal/weight", "rgb/gradient"), None),
    }
    bounds: ClassVar[Mapping[str, Bounds]] = DETECTION_BOUNDS
    held_out_parts = ("day", "night")
    settings_type = RgbtSettings
    package = "trainables.rgbt"
    baseline = "v1.0"
    presets_file = Path(__file__).with_name("presets.yaml")
    downloads: ClassVar[Mapping[str, Collection[str]]] = {"weights": {"ultralytics"}, "teacher": TEACHERS.keys()}
    augmentation: ClassVar[StrongestEnds] = {
        "modality_dropout": "high",
        "mosaic": "high",
        "mixup": "high",
        "cutmix": "high",
        "hsv": "high",
        "fliplr": "high",
        "translate": "high",
        "scale": "high",
        "multi_scale": "high",
    }

    def open(self, path: Path) -> RgbtData:
        """The checked pairs whose data YAML is at `path`."""
        from trainables.rgbt.data import open_rgbt

        return open_rgbt(path)

    def check(self, settings: RgbtSettings, data: RgbtData) -> None:
        """Refuse weights that are not here; a teacher without a weight is not looked for."""
        super().check(settings if settings.distills else settings.model_copy(update={"teacher": "none"}), data)

    def sample(self, directory: Path) -> Path:
        """Write 160 + 60 pairs of threes and sevens by day and night, and three sequences, into `directory`."""
        from trainables.samples.thermal_pairs import write_rgbt

        return write_rgbt(directory, sequences=3)

    def evaluate(self, settings: RgbtSettings, data: RgbtData, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate; see `Recipe.evaluate`. Gradients are of trainings alone."""
        metrics = super().evaluate(settings, data, workdir, checkpoint)
        return {name: value for name, value in metrics.items() if not name.endswith("/gradient")}

    def example_input(self, picture: Any) -> Any:
        """A pair; see `Recipe.example_input`."""
        return [picture, picture]

    def frame_input(self, picture: Path) -> tuple[Path, Path]:
        """The pair of a frame and its thermal picture; see `trainables.tracks.tracked.Follows`."""
        from trainables.tracks.thermal import thermal_of

        return picture, thermal_of(picture)
