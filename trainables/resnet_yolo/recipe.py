"""resnet_yolo: the ResNet-18 detector of document 002, its presets and its named trainings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.isolation import isolated
from trainables.recipe import Epoch, Predictor, Recipe
from trainables.resnet_yolo.settings import ResnetYoloSettings
from trainables.settings import Settings

if TYPE_CHECKING:
    from trainables.resnet_yolo.data import YoloData
    from trainables.resnet_yolo.training import ResnetYoloTraining


class ResnetYolo(Recipe):
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

    def train(self, settings: Settings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Train; see `Recipe.train`."""
        training = self._training(settings, data, workdir)
        assert isinstance(settings, ResnetYoloSettings)
        from trainables.loop import epochs

        identity = _identity(settings, data)
        yield from epochs(training, seed=settings.seed, identity=identity, resume=resume, settings=settings)

    def evaluate(self, settings: Settings, data: Any, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate; see `Recipe.evaluate`."""
        training = self._training(settings, data, workdir)
        assert isinstance(settings, ResnetYoloSettings)
        from trainables.loop import evaluation

        return evaluation(training, seed=settings.seed, checkpoint=checkpoint)

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Detections in pictures; see `Recipe.predictor`."""
        assert isinstance(settings, ResnetYoloSettings)
        with TemporaryDirectory() as cache, isolated(Path(cache)):
            from trainables.resnet_yolo.predictor import load
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `weights.pt`, a state dict with the classes' names; see `Recipe.weights`."""
        assert isinstance(settings, ResnetYoloSettings)
        with TemporaryDirectory() as cache, isolated(Path(cache)):
            from trainables.resnet_yolo.predictor import write_weights
        return write_weights(settings, checkpoint, directory)

    def onnx(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `model.onnx`; see `Recipe.onnx`."""
        assert isinstance(settings, ResnetYoloSettings)
        with TemporaryDirectory() as cache, isolated(Path(cache)):
            from trainables.resnet_yolo.predictor import write_onnx
        return write_onnx(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write document 002's `YOLOV8_PARAMS` as a Python module, and the settings as YAML."""
        from trainables.resnet_yolo.export import write

        assert isinstance(settings, ResnetYoloSettings)
        return write(settings, directory)

    def _training(self, settings: Settings, data: Any, workdir: Path) -> ResnetYoloTraining:
        assert isinstance(settings, ResnetYoloSettings)
        with isolated(workdir):
            from trainables.resnet_yolo.training import ResnetYoloTraining
        return ResnetYoloTraining(settings, data)


def _identity(settings: ResnetYoloSettings, data: YoloData) -> str:
    """What must be the same for a resume to be exact; where it runs need not be."""
    text = settings.model_dump_json(exclude={"device", "workers"})
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"resnet_yolo (settings {digest[:8]}, data {data.fingerprint[:8]})"
