"""slowfast: SlowFast on thermal clips, fine-tuned as in the thermal SlowFast report (document 004)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from trainables.loop_recipe import PackageRecipe, evaluated, for_checkpoint
from trainables.objective import Bounds, Reports
from trainables.recipe import StrongestEnds
from trainables.slowfast.settings import SlowfastSettings

if TYPE_CHECKING:
    from trainables.slowfast.data import ThermalData
    from trainables.slowfast.training import SlowfastTraining


class Slowfast(PackageRecipe[SlowfastSettings, "ThermalData"]):
    """pytorchvideo's SlowFast on thermal clips in HDF5.

    The objective is the mean over classes, not the share of clips: with 54 % of the clips in one class, the latter
    stays at 54 % for the first epochs whatever happens. `thermal` is what the report trained, `balanced` and `weighted`
    what it proposes for its rare classes. R50 has 33.7 M parameters with 14 classes.
    """

    name = "slowfast"
    summary = "SlowFast on thermal clips in HDF5 (the thermal SlowFast report)"
    metric = "mean_class_accuracy"
    reports: ClassVar[Reports] = dict.fromkeys(("mean_class_accuracy", "top1", "top5", "accuracy/*"), "max")
    bounds: ClassVar[Mapping[str, Bounds]] = dict.fromkeys(("mean_class_accuracy", "top1", "top5"), (0.0, 1.0))
    settings_type = SlowfastSettings
    package = "trainables.slowfast"
    baseline = "thermal"
    presets_file = Path(__file__).with_name("presets.yaml")
    downloads: ClassVar[Mapping[str, Collection[str]]] = {"weights": {"kinetics"}}
    augmentation: ClassVar[StrongestEnds] = {
        "crop_scale_min": "low",
        "flip": "high",
        "jitter": "high",
        "erasing": "high",
    }

    def open(self, path: Path) -> ThermalData:
        """The checked data set in the folder `path`."""
        from trainables.slowfast.data import open_thermal

        return open_thermal(path)

    def sample(self, directory: Path) -> Path:
        """Write 160 + 100 clips of warm digits that move into `directory`; returns it."""
        from trainables.samples.thermal_clips import write_thermal

        return write_thermal(directory)

    def evaluate(
        self, settings: SlowfastSettings, data: ThermalData, workdir: Path, checkpoint: Path
    ) -> Mapping[str, float]:
        """Evaluate, with the table of what was taken for what; see `Recipe.evaluate`."""
        training = cast("SlowfastTraining", self.training(settings, for_checkpoint(data, checkpoint), workdir))
        return evaluated(training, settings, checkpoint) | training.taken()

    def example_input(self, picture: Any) -> Any:
        """A clip of 8 frames of 16 by 16 pixels at 20 degrees; see `Recipe.example_input`."""
        return [[[20.0] * 16] * 16] * 8
