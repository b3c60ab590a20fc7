"""slowfast: SlowFast on thermal clips as document 004 fine-tunes it, its presets and its named trainings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.loop_recipe import LoopedRecipe, evaluated
from trainables.recipe import Predictor
from trainables.settings import Settings
from trainables.slowfast.settings import SlowfastSettings

if TYPE_CHECKING:
    from trainables.slowfast.data import ThermalData
    from trainables.slowfast.training import SlowfastTraining


class Slowfast(LoopedRecipe):
    """pytorchvideo's SlowFast on thermal clips in HDF5.

    The objective is the mean over classes, not the share of clips: with 54 % of the clips in one class, the latter
    stands at 54 % for the first epochs whatever happens. `thermal` is what document 004 trained, `balanced` and
    `weighted` what it proposes for its rare classes. R50 has 33.7 M parameters with 14 classes.
    """

    name: ClassVar[str] = "slowfast"
    summary: ClassVar[str] = "SlowFast on thermal clips in HDF5 (document 004)"
    metric: ClassVar[str] = "mean_class_accuracy"
    mode: ClassVar[Literal["max", "min"]] = "max"
    settings_type: ClassVar[type[Settings]] = SlowfastSettings
    baseline: ClassVar[str] = "thermal"
    presets_file: ClassVar[Path] = Path(__file__).with_name("presets.yaml")

    def open(self, path: Path) -> ThermalData:
        """The checked data set in the folder `path`."""
        from trainables.slowfast.data import open_thermal

        return open_thermal(path)

    def sample(self, directory: Path) -> Path:
        """Write 160 + 100 clips of warm digits that move into `directory`; returns it."""
        from trainables.samples.thermal_clips import write_thermal

        return write_thermal(directory)

    def training(self, settings: Settings, data: Any, workdir: Path) -> SlowfastTraining:
        """See `LoopedRecipe.training`."""
        assert isinstance(settings, SlowfastSettings)
        from trainables.slowfast.training import SlowfastTraining

        return SlowfastTraining(settings, data)

    def evaluate(self, settings: Settings, data: Any, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate, with the table of what was taken for what; see `Recipe.evaluate`."""
        training = self.training(settings, data, workdir)
        return evaluated(training, settings, checkpoint) | training.taken()

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Class and probabilities of clips (T, H, W) in Celsius; see `Recipe.predictor`."""
        from trainables.slowfast.predictor import load

        assert isinstance(settings, SlowfastSettings)
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write a state dict of pytorchvideo's network; see `Recipe.weights`."""
        from trainables.slowfast.predictor import write_weights

        assert isinstance(settings, SlowfastSettings)
        return write_weights(settings, checkpoint, directory)

    def onnx(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write ONNX; see `Recipe.onnx`."""
        from trainables.slowfast.predictor import write_onnx

        assert isinstance(settings, SlowfastSettings)
        return write_onnx(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write a configuration in MMAction2's fields, and the settings as YAML."""
        from trainables.slowfast.export import write

        assert isinstance(settings, SlowfastSettings)
        return write(settings, directory)
