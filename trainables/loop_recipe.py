"""Recipes whose trainings the shared epoch loop drives: what follows from that is the same for all of them.

`LoopedRecipe` is for any such recipe; `PackageRecipe` is for one that is a package.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from trainables.atomic import write_file
from trainables.class_match import ClassMatch, Named, match
from trainables.errors import CheckpointError, SettingsError, SteadytuneError, hint
from trainables.identity import identity
from trainables.look import Example, Look
from trainables.recipe import Epoch, Predictor, Recipe
from trainables.settings import Settings, SettingsT, at_earlier_values, parse_stored, read_yaml, to_yaml
from trainables.ultralytics_import import isolated

if TYPE_CHECKING:
    from trainables.held_out import HeldOut
    from trainables.loop import Training

RUN_SETTINGS = {"device", "workers"}
"""Settings that say where a training runs, not what it is: a resume may change them."""
EPOCHS = "epochs"
"""The setting that a resume may raise."""
SETTINGS_FILE = "settings.yaml"
"""Beside the files of `export`: every setting under the name it has here."""


class DataSet(Protocol):
    """Data of a looped recipe."""

    @property
    def fingerprint(self) -> str:
        """A digest of all that the data set holds: a resume on other data is refused."""


DataSetT = TypeVar("DataSetT", bound=DataSet)


class LoopedRecipe(Recipe[SettingsT, DataSetT]):
    """A recipe that says what one training is; it is trained, resumed and evaluated by `trainables.loop`.

    Its settings have a `seed`, its data sets a `fingerprint`.
    """

    saves_untrained: ClassVar[bool] = True
    """Whether the state of a training can be saved before its first epoch."""

    @abstractmethod
    def training(self, settings: SettingsT, data: DataSetT, workdir: Path) -> Training:
        """A training from its start; `workdir` is the only folder that it may write to."""

    def train(self, settings: SettingsT, data: DataSetT, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Train; see `Recipe.train`. A resume with more epochs than its checkpoint lengthens the training."""
        resumed = settings if resume is None else resumable(settings, resume)
        training = self.training(settings, data, workdir)
        from trainables.loop import epochs

        # A resume is exact only if these are the same.
        same, earlier = (
            identity(self.name, settings_digest(values), data.fingerprint) for values in (settings, resumed)
        )
        yield from epochs(
            training, seed=_seed(settings), identity=same, resume=resume, settings=settings, resumes=earlier
        )

    def evaluate(self, settings: SettingsT, data: DataSetT, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Evaluate, with classes matched by their names; see `Recipe.evaluate`."""
        return evaluated(self.training(settings, for_checkpoint(data, checkpoint), workdir), settings, checkpoint)

    def average(self, settings: SettingsT, checkpoints: Sequence[Path], directory: Path) -> None:
        """Average what the trainings' states call "model" and "ema"; see `Recipe.average`."""
        from trainables.averaging import write_average

        write_average(checkpoints, directory)


class PackageRecipe(LoopedRecipe[SettingsT, DataSetT]):
    """A looped recipe that is a package. Its methods call functions of these modules, which are imported on demand:

    - `training.new_training(settings, data, workdir)` returns the training;
    - `weights.fetch(settings)` is `Recipe.fetch`, asked if a value is one of `downloads`;
    - `predictor.load(settings, checkpoint)` returns the predictor;
    - `predictor.load_frames(settings, checkpoint)` is `Recipe.frame_predictor`; may be absent;
    - `predictor.write_weights(settings, checkpoint, directory)` is `Recipe.weights`;
    - `predictor.write_onnx(settings, checkpoint, directory)` is `Recipe.onnx`; may be absent;
    - `look.look(settings, data)` is `Recipe.look`;
    - `look.training_batch(settings, data)` is `Recipe.training_batch`;
    - `held_out.held_out(settings, data)` gives the held-out examples, see `trainables.held_out`;
    - `export.files(settings)` returns the texts of the files that the recipe's own training code reads, by name.

    So the class itself holds only names, `open` and `sample`, and the command line loads none of the heavy libraries.
    """

    package: ClassVar[str]
    """Where these modules are, such as "trainables.yolox"."""
    downloads: ClassVar[Mapping[str, Collection[str]]] = {}
    """Settings that say where first weights come from, and those of their values that are a download."""
    shipped: ClassVar[Mapping[str, Collection[str]]] = {}
    """Such settings, and those of their values that are weights of the recipe's own."""

    def training(self, settings: SettingsT, data: DataSetT, workdir: Path) -> Training:
        """A training from its start; see `LoopedRecipe.training`."""
        training: Training = self._module("training", workdir).new_training(settings, data, workdir)
        return training

    def start_settings(self, export: Path) -> Mapping[str, Any]:
        """The setting `weights` takes a checkpoint; see `trainables.start.Starts`."""
        return {"weights": str(export / "checkpoint")}

    def check(self, settings: SettingsT, data: DataSetT) -> None:
        """Refuse first weights that are not here; see `Recipe.check`."""
        for name, downloaded in self.downloads.items():
            weights, words = str(getattr(settings, name)), ["none", *self.shipped.get(name, ()), *downloaded]
            if weights not in words and not Path(weights).exists():
                question = hint(Path(weights).name, words, "did you mean {!r}? ")
                ways = f"give {', '.join(words)}, a file or a checkpoint directory"
                raise CheckpointError(f"{self.name}: {name} {weights}: no such file; {question}{ways}")

    def fetch(self, settings: SettingsT) -> None:
        """Download first weights; see `Recipe.fetch`."""
        if any(getattr(settings, name) in values for name, values in self.downloads.items()):
            self._module("weights").fetch(settings)

    def look(self, settings: SettingsT, data: DataSetT) -> Look:
        """What the data set holds; see `Recipe.look`."""
        look: Look = self._module("look").look(settings, data)
        return look

    def training_batch(self, settings: SettingsT, data: DataSetT) -> Sequence[Example]:
        """Examples of a training's first batch; see `Recipe.training_batch`."""
        with isolated():  # the first import of Ultralytics may write files and reach for the network
            examples: Sequence[Example] = self._module("look").training_batch(settings, data)
        return examples

    def held_out(self, settings: SettingsT, data: DataSetT) -> Sequence[HeldOut]:
        """The held-out examples; see `trainables.held_out.Shows`."""
        examples: Sequence[HeldOut] = self._module("held_out").held_out(settings, data)
        return examples

    def predictor(self, settings: SettingsT, checkpoint: Path) -> Predictor:
        """The trained model, for inference; see `Recipe.predictor`. What it takes: `load` in the module `predictor`."""
        predictor: Predictor = self._module("predictor").load(settings, checkpoint)
        return predictor

    def frame_predictor(self, settings: SettingsT, checkpoint: Path) -> Predictor:
        """See `Recipe.frame_predictor`."""
        load = getattr(self._module("predictor"), "load_frames", self.predictor)
        predictor: Predictor = load(settings, checkpoint)
        return predictor

    def weights(self, settings: SettingsT, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write the plain weights; see `Recipe.weights`."""
        written: Mapping[str, str] = self._module("predictor").write_weights(settings, checkpoint, directory)
        return written

    def onnx(self, settings: SettingsT, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write `model.onnx`, if the recipe can; see `Recipe.onnx`."""
        write = getattr(self._module("predictor"), "write_onnx", super().onnx)
        written: Mapping[str, str] = write(settings, checkpoint, directory)
        return written

    def onnx_predictor(self, settings: SettingsT, checkpoint: Path, run: Any) -> Predictor:
        """`predictor`, but with the ONNX file that `run` runs in the place of the checkpoint's network.

        `run` is a `trainables.vision.onnx_export.Run`: inputs by name to outputs.

        Raises:
            SteadytuneError: the recipe writes no ONNX.
        """
        module = self._module("predictor")
        if not hasattr(module, "write_onnx"):
            raise SteadytuneError(f"recipe {self.name} writes no ONNX, so nothing can predict by it")
        predictor: Predictor = module.load(settings, checkpoint, run)
        return predictor

    def export(self, settings: SettingsT, directory: Path) -> list[Path]:
        """Write what the recipe's own training code reads, then `SETTINGS_FILE`; returns them in this order."""
        texts = {**self._module("export").files(settings), SETTINGS_FILE: to_yaml(settings)}
        directory.mkdir(parents=True, exist_ok=True)
        return [write_file(directory / name, text) for name, text in texts.items()]

    def _module(self, name: str, workdir: Path | None = None) -> Any:
        with isolated(workdir):  # the first import of Ultralytics may write files and reach for the network
            return import_module(f"{self.package}.{name}")


def for_checkpoint(data: DataSetT, checkpoint: Path) -> DataSetT:
    """`data` with the classes of `checkpoint` and their numbers, if both name any.

    Raises:
        CheckpointError: there is no checkpoint, or a damaged one.
        DataError: no class has the same name in both, or nothing of the held-out split is left.
    """
    classes = matched(data, checkpoint)
    if classes is None or classes.same:
        return data
    renumbered: DataSetT = cast("Named", data).with_classes(classes)
    return renumbered


def matched(data: Any, checkpoint: Path) -> ClassMatch | None:
    """How the classes of `data` are numbered in `checkpoint`; None if one of the two names none."""
    if not hasattr(data, "with_classes"):
        return None
    from trainables.loop import class_names

    trained = class_names(checkpoint)
    return match(trained, data.names) if trained else None


def settings_digest(settings: Settings) -> str:
    """A digest of what the training is; an older version, without the fields of `Earlier`, had the same."""
    excluded = RUN_SETTINGS | at_earlier_values(settings)
    return hashlib.sha256(settings.model_dump_json(exclude=excluded).encode()).hexdigest()


def resumable(settings: SettingsT, checkpoint: Path) -> SettingsT:
    """The settings that `checkpoint` was trained with: `settings`, or the same with fewer epochs.

    If those beside its weights cannot be read, they are taken to be `settings`; the weights tell whether they are.

    Raises:
        CheckpointError: it was trained with others; names each setting that differs.
    """
    file = checkpoint / SETTINGS_FILE
    try:
        trained = parse_stored(type(settings), read_yaml(file), str(file))
    except SettingsError:  # of another recipe, or no file: what the weights themselves name tells them apart
        return settings
    stored, current = (values.model_dump(exclude=RUN_SETTINGS) for values in (trained, settings))
    changes = [
        f"{name} was {stored[name]} and is {value}"
        for name, value in current.items()
        if stored[name] != value and not (name == EPOCHS and value > stored[name])
    ]
    if changes:
        raise CheckpointError(
            f"{checkpoint}: was trained with other settings: {', '.join(changes)}; resume with --config {file}"
        )
    return trained


def evaluated(training: Training, settings: Settings, checkpoint: Path) -> dict[str, float]:
    """Held-out metrics and losses of a fresh `training` with the weights of `checkpoint`."""
    from trainables.loop import evaluation

    return evaluation(training, seed=_seed(settings), checkpoint=checkpoint, settings=settings)


def _seed(settings: Settings) -> int:
    return int(settings.model_dump()["seed"])
