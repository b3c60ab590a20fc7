"""refdet: the few-shot detector of document 003, its presets and its named trainings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.loop_recipe import LoopedRecipe
from trainables.recipe import Predictor
from trainables.refdet.settings import RefdetSettings
from trainables.settings import Settings
from trainables.vision.ultralytics_import import isolated

if TYPE_CHECKING:
    from trainables.refdet.data import RefdetData
    from trainables.refdet.training import RefdetTraining


class Refdet(LoopedRecipe):
    """YOLOv8n finds in drone videos what a few reference images show, by a ViT's view of them.

    The metric is of classes that training never sees.
    """

    name: ClassVar[str] = "refdet"
    summary: ClassVar[str] = "few-shot detection by reference images (document 003)"
    metric: ClassVar[str] = "map50"
    mode: ClassVar[Literal["max", "min"]] = "max"
    settings_type: ClassVar[type[Settings]] = RefdetSettings
    baseline: ClassVar[str] = "stage-2"
    presets_file: ClassVar[Path] = Path(__file__).with_name("presets.yaml")

    def open(self, path: Path) -> RefdetData:
        """The checked data set in the folder `path`, which holds `train` and `test`."""
        from trainables.refdet.data import open_refdet

        return open_refdet(path)

    def sample(self, directory: Path) -> Path:
        """Write 24 + 8 videos of handwritten signs into `directory`."""
        from trainables.samples.reference_videos import write_refdet

        return write_refdet(directory)

    def training(self, settings: Settings, data: Any, workdir: Path) -> RefdetTraining:
        """See `LoopedRecipe.training`."""
        assert isinstance(settings, RefdetSettings)
        with isolated(workdir):
            from trainables.refdet.training import RefdetTraining
        return RefdetTraining(settings, data)

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Detections of a referenced object; see `Recipe.predictor`.

        A picture is a mapping: `frame`, the picture that is searched, and `references`, one or more pictures of what
        is sought in it, all of them used; training has `n_reference`. Every label is "object": what it is, only the
        references say.
        """
        assert isinstance(settings, RefdetSettings)
        with isolated():
            from trainables.refdet.predictor import load
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `weights.pt`, a state dict; see `Recipe.weights`."""
        assert isinstance(settings, RefdetSettings)
        with isolated():
            from trainables.refdet.predictor import write_weights
        return write_weights(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write document 003's command line, and the settings as YAML."""
        from trainables.refdet.export import write

        assert isinstance(settings, RefdetSettings)
        return write(settings, directory)
