"""rgbt: RGB and thermal detection of document 000, its presets and its named trainings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.loop_recipe import LoopedRecipe
from trainables.recipe import Predictor
from trainables.rgbt.settings import RgbtSettings
from trainables.settings import Settings
from trainables.vision.ultralytics_import import isolated

if TYPE_CHECKING:
    from trainables.rgbt.data import RgbtData
    from trainables.rgbt.training import RgbtTraining


class Rgbt(LoopedRecipe):
    """Ultralytics' YOLO26 with a thermal channel beside red, green and blue, on registered pairs of images.

    Three things differ from document 000, which describes an older release: YOLO26 has no DFL but an L1 box loss; its
    first convolution is (4, 96) at size x, not (4, 64); copy-paste does nothing for boxes, so it is left out.
    """

    name: ClassVar[str] = "rgbt"
    summary: ClassVar[str] = "YOLO26 on RGB and thermal pairs (document 000)"
    metric: ClassVar[str] = "map50_95"
    mode: ClassVar[Literal["max", "min"]] = "max"
    settings_type: ClassVar[type[Settings]] = RgbtSettings
    baseline: ClassVar[str] = "v1.0"
    presets_file: ClassVar[Path] = Path(__file__).with_name("presets.yaml")

    def open(self, path: Path) -> RgbtData:
        """The checked pairs whose data YAML is at `path`."""
        from trainables.rgbt.data import open_rgbt

        return open_rgbt(path)

    def sample(self, directory: Path) -> Path:
        """Write 160 + 60 pairs of handwritten threes and sevens by day and night into `directory`."""
        from trainables.samples.thermal_pairs import write_rgbt

        return write_rgbt(directory)

    def training(self, settings: Settings, data: Any, workdir: Path) -> RgbtTraining:
        """See `LoopedRecipe.training`."""
        assert isinstance(settings, RgbtSettings)
        with isolated(workdir):
            from trainables.rgbt.training import RgbtTraining
        return RgbtTraining(settings, data, workdir)

    def evaluate(self, settings: Settings, data: Any, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate; see `Recipe.evaluate`. Gradients are of trainings alone."""
        found = super().evaluate(settings, data, workdir, checkpoint)
        return {name: value for name, value in found.items() if not name.endswith("/gradient")}

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Detections in pairs; see `Recipe.predictor`.

        A pair is an array (height, width, 4) uint8 of the planes R G B T, or two of one size: an RGB picture and its
        thermal one, each a file or an array, the thermal (height, width) of 8 or 16 bits.
        """
        assert isinstance(settings, RgbtSettings)
        with isolated():
            from trainables.rgbt.predictor import load
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write a model that `ultralytics.YOLO` loads, or a state dict if it is gated; see `Recipe.weights`."""
        assert isinstance(settings, RgbtSettings)
        with isolated():
            from trainables.rgbt.predictor import write_weights
        return write_weights(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write Ultralytics' training YAML and model YAML, and the settings as YAML."""
        from trainables.rgbt.export import write

        assert isinstance(settings, RgbtSettings)
        return write(settings, directory)
