"""resnet_yolo: the ResNet-18 detector of document 002, its presets and its named trainings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.loop_recipe import LoopedRecipe
from trainables.recipe import Predictor
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.settings import Settings
from trainables.vision.ultralytics_import import isolated

if TYPE_CHECKING:
    from trainables.resnet_yolo.data import YoloData
    from trainables.resnet_yolo.training import ResnetYoloTraining


class ResnetYolo(LoopedRecipe):
    """A one-stage detector on torchvision's ResNet-18, trained on data in YOLO's layout.

    Two named trainings stand for document 002: `broken`, which it came from, and `fixed`, which it ends with.
    """

    name: ClassVar[str] = "resnet_yolo"
    summary: ClassVar[str] = "ResNet-18 detector on YOLO-format data (document 002)"
    metric: ClassVar[str] = "map50_95"
    mode: ClassVar[Literal["max", "min"]] = "max"
    settings_type: ClassVar[type[Settings]] = ResnetYoloSettings
    baseline: ClassVar[str] = "fixed"
    presets_file: ClassVar[Path] = Path(__file__).with_name("presets.yaml")

    def open(self, path: Path) -> YoloData:
        """The checked data set whose YOLO data YAML is at `path`."""
        from trainables.resnet_yolo.data import open_yolo

        return open_yolo(path)

    def sample(self, directory: Path) -> Path:
        """Write 200 + 60 pictures of handwritten threes and sevens into `directory`; returns their data YAML."""
        from trainables.samples.digits import write_yolo

        return write_yolo(directory)

    def training(self, settings: Settings, data: Any, workdir: Path) -> ResnetYoloTraining:
        """See `LoopedRecipe.training`."""
        assert isinstance(settings, ResnetYoloSettings)
        with isolated(workdir):
            from trainables.resnet_yolo.training import ResnetYoloTraining
        return ResnetYoloTraining(settings, data)

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Detections in pictures; see `Recipe.predictor`."""
        assert isinstance(settings, ResnetYoloSettings)
        with isolated():
            from trainables.resnet_yolo.predictor import load
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `weights.pt`, a state dict with the classes' names; see `Recipe.weights`."""
        assert isinstance(settings, ResnetYoloSettings)
        with isolated():
            from trainables.resnet_yolo.predictor import write_weights
        return write_weights(settings, checkpoint, directory)

    def onnx(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `model.onnx`; see `Recipe.onnx`."""
        assert isinstance(settings, ResnetYoloSettings)
        with isolated():
            from trainables.resnet_yolo.predictor import write_onnx
        return write_onnx(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write document 002's `YOLOV8_PARAMS` as a Python module, and the settings as YAML."""
        from trainables.resnet_yolo.export import write

        assert isinstance(settings, ResnetYoloSettings)
        return write(settings, directory)
