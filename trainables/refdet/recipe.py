"""refdet: the few-shot detector of document 003, its presets and its named trainings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.isolation import isolated
from trainables.recipe import Epoch, Predictor, Recipe
from trainables.refdet.settings import RefdetSettings
from trainables.settings import Settings

if TYPE_CHECKING:
    from trainables.refdet.data import RefdetData
    from trainables.refdet.training import RefdetTraining


class Refdet(Recipe):
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

    def train(self, settings: Settings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Train; see `Recipe.train`."""
        training = self._training(settings, data, workdir)
        assert isinstance(settings, RefdetSettings)
        from trainables.loop import epochs

        identity = _identity(settings, data)
        yield from epochs(training, seed=settings.seed, identity=identity, resume=resume, settings=settings)

    def evaluate(self, settings: Settings, data: Any, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate; see `Recipe.evaluate`."""
        training = self._training(settings, data, workdir)
        assert isinstance(settings, RefdetSettings)
        from trainables.loop import evaluation

        return evaluation(training, seed=settings.seed, checkpoint=checkpoint)

    def predictor(self, settings: Settings, checkpoint: Path) -> Predictor:
        """Detections of a referenced object; see `Recipe.predictor`.

        A picture is a mapping: `frame`, the picture that is searched, and `references`, one or more pictures of what
        is sought in it, all of them used; training has `n_reference`. Every label is "object": what it is, only the
        references say.
        """
        assert isinstance(settings, RefdetSettings)
        with TemporaryDirectory() as cache, isolated(Path(cache)):
            from trainables.refdet.predictor import load
        return load(settings, checkpoint)

    def weights(self, settings: Settings, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `weights.pt`, a state dict; see `Recipe.weights`."""
        assert isinstance(settings, RefdetSettings)
        with TemporaryDirectory() as cache, isolated(Path(cache)):
            from trainables.refdet.predictor import write_weights
        return write_weights(settings, checkpoint, directory)

    def export(self, settings: Settings, directory: Path) -> list[Path]:
        """Write document 003's command line, and the settings as YAML."""
        from trainables.refdet.export import write

        assert isinstance(settings, RefdetSettings)
        return write(settings, directory)

    def _training(self, settings: Settings, data: Any, workdir: Path) -> RefdetTraining:
        assert isinstance(settings, RefdetSettings)
        with isolated(workdir):
            from trainables.refdet.training import RefdetTraining
        return RefdetTraining(settings, data)


def _identity(settings: RefdetSettings, data: RefdetData) -> str:
    """What must be the same for a resume to be exact; where it runs need not be."""
    text = settings.model_dump_json(exclude={"device"})
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"refdet (settings {digest[:8]}, data {data.fingerprint[:8]})"
