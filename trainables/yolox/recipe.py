"""yolox: YOLOX on COCO-format data as document 001 fine-tunes it, its presets and its named trainings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.loop_recipe import LoopedRecipe
from trainables.recipe import Predictor
from trainables.settings import Settings
from trainables.vision.ultralytics_import import isolated
from trainables.yolox.settings import YoloxSettings

if TYPE_CHECKING:
    from trainables.yolox.data import CocoData
    from trainables.yolox.training import YoloxTraining


class Yolox(LoopedRecipe):
    """Upstream's YOLOX (pixeltable-yolox), fine-tuned with frozen parts on data in COCO's layout.

    Three named trainings stand for document 001: `clean-v2`, `smooth`, which oscillated, and `stable-v3`. Where it and
    the code disagree, the code is followed: mixup happens only inside a mosaic, and the document's learning rate is no
    schedule of upstream's (`yoloxwarmcos` rises quadratically and ends flat), so it is one of its own, `three_phase`.
    YOLOX-L has 54.15 M parameters with 7 classes, of which the head's 7.55 M are trained.
    """

    name: ClassVar[str] = "yolox"
    summary: ClassVar[str] = "YOLOX on COCO-format data, frozen backbone and neck (document 001)"
    metric: ClassVar[str] = "map50_95"
    mode: ClassVar[Literal["max", "min"]] = "max"
    settings_type: ClassVar[type[Settings]] = YoloxSettings
    baseline: ClassVar[str] = "stable-v3"
    presets_file: ClassVar[Path] = Path(__file__).with_name("presets.yaml")

    def open(self, path: Path) -> CocoData:
        """The checked data set in the folder `path`, in COCO's layout."""
        from trainables.yolox.data import open_coco

        return open_coco(path)

    def sample(self, directory: Path) -> Path:
        """Write 200 + 60 pictures of three handwritten digits into `directory`; returns it."""
        from trainables.samples.coco_digits import write_coco

        return write_coco(directory)

    def training(self, settings: Settings, data: Any, workdir: Path) -> YoloxTraining:
        """See `LoopedRecipe.training`."""
        assert isinstance(settings, YoloxSettings)
        with isolated(workdir):
            from trainables.yolox.training import YoloxTraining
        return YoloxTraining(settings, data)

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Detections in pictures; see `Recipe.predictor`."""
        assert isinstance(settings, YoloxSettings)
        with isolated():
            from trainables.yolox.predictor import load
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `weights.pt` as upstream's tools take it; see `Recipe.weights`."""
        assert isinstance(settings, YoloxSettings)
        with isolated():
            from trainables.yolox.predictor import write_weights
        return write_weights(settings, checkpoint, directory)

    def onnx(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `model.onnx`; see `Recipe.onnx`."""
        assert isinstance(settings, YoloxSettings)
        with isolated():
            from trainables.yolox.predictor import write_onnx
        return write_onnx(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write an experiment file that upstream's trainer loads, and the settings as YAML."""
        from trainables.yolox.export import write

        assert isinstance(settings, YoloxSettings)
        return write(settings, directory)
