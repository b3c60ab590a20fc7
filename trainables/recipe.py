"""The contract between a training and its caller.

`Recipe.train` is a generator that yields one `Epoch` after each epoch. Its caller then continues, pauses or stops it.
The command line imports the modules of recipes too, so these import heavy libraries inside of `train` only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from trainables.errors import CheckpointError, SettingsError, SteadytuneError, nearest
from trainables.look import Example, Look
from trainables.objective import ANY_METRIC, Bounds, Mode, Reports
from trainables.settings import SettingsT, parse, read_yaml
from trainables.trial_summary import TrialSummary

DataT = TypeVar("DataT")
PROCESSES = "processes"
"""The setting of recipes whose trainings share each batch among several processes: how many, with a GPU each."""
StrongestEnds: TypeAlias = Mapping[str, Literal["low", "high"]]
"""By the name of a setting, the end of its range at which it changes most."""


@dataclass(frozen=True)
class Alarm:
    """A recipe's report that this training has failed, whatever its metric says."""

    reason: Literal["nonfinite", "collapsed"]
    detail: str


def no_checkpoint(directory: Path) -> None:
    """Stands for `Epoch.save` in a training that writes no checkpoints."""
    raise CheckpointError(f"{directory}: this training writes no checkpoints")


@dataclass(frozen=True)
class Epoch:
    """What one epoch of training produced.

    Attributes:
        epoch: epochs finished so far, from 1.
        phase: the part of the schedule this epoch belongs to: "warmup", "main", "finetune" or the recipe's own word.
        metrics: held-out metrics by name, the recipe's objective among them; empty if this epoch was not evaluated.
        losses: epoch means: "train" is the total that was minimised, "train/box" a part of it, "val" the held-out one.
        rates: learning rate at the end of the epoch, by optimizer group.
        seconds: wall time by part: "data", "train", "evaluate".
        save: writes a checkpoint that `Recipe.train` resumes from exactly into the given empty directory;
            `no_checkpoint` if this training writes none.
        alarm: set if the recipe itself knows that the training has failed.
        remark: one sentence on this training for the sweep's report; "" if there is none.
        steps: the total training loss of each step, in order; empty if the training does not report it.
    """

    epoch: int
    phase: str
    metrics: Mapping[str, float]
    losses: Mapping[str, float]
    rates: Mapping[str, float]
    seconds: Mapping[str, float]
    save: Callable[[Path], None]
    alarm: Alarm | None = None
    remark: str = ""
    steps: Sequence[float] = ()

    @property
    def saves(self) -> bool:
        """Whether a checkpoint can be written."""
        return self.save is not no_checkpoint


Predictor = Callable[[Sequence[Any]], list[dict[str, Any]]]
"""What a trained model finds in pictures, one dictionary a picture.

A picture is an RGB array (height, width, 3) uint8 or the path of a file; a recipe that looks at more says so in its
`predictor`. A detector's dictionary holds `boxes` (n, 4) as x1 y1 x2 y2 in the picture's pixels, best first, `scores`
(n,) in [0, 1] and `labels`, n names; a classifier's `label` and `scores` by name. A recipe of clips takes arrays
(frames, height, width) in the unit of its data.
"""


class Recipe(ABC, Generic[SettingsT, DataT]):
    """One way to train one kind of model, with everything a sweep needs to know about it.

    Subclasses set the class attributes, keep their presets and named trainings in a `presets.yaml` beside them
    (`presets:`, `trainings:`) and implement the abstract methods. Instances hold no state of a training.

    `Recipe[MySettings, MyData]` names the types of its settings and of what `open` returns; a plain `Recipe` works too.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    metric: ClassVar[str]
    mode: ClassVar[Mode] = "max"
    reports: ClassVar[Reports] = {ANY_METRIC: None}
    """The metrics that its epochs have, so that a misspelt name is refused before a sweep; by default any will do."""
    bounds: ClassVar[Mapping[str, Bounds]] = {}
    """The lowest and the highest value of metrics that it reports, by name, where they are known."""
    held_out_parts: ClassVar[tuple[str, ...]] = ()
    """Parts of the held-out data for which it also reports its metric: for "night" as "night/METRIC"."""
    settings_type: type[SettingsT]
    baseline: ClassVar[str]
    """The named training known to be good: a sweep runs it first, so that it never ends worse than it started."""
    tried_first: ClassVar[tuple[str, ...]] = ()
    """Other trainings known to be good: they run after the baseline, and to their end like it, if the sweep names none
    itself and has enough trials."""
    presets_file: ClassVar[Path]
    augmentation: ClassVar[StrongestEnds] = {}
    """The settings that change training examples at random, in the order in which they are shown to users."""
    several_gpus: ClassVar[bool] = False
    """Whether one training can use several GPUs: by `PROCESSES`, or since it is a script with processes of its own."""
    exported: ClassVar[tuple[str, ...]] = ()
    """Files of a training's folder that are also exported, if they are on this machine; patterns as in `glob`."""
    resumes: ClassVar[bool] = True
    """Whether a training can be paused; if not, its trials are stopped instead."""
    ends_early: ClassVar[bool] = False
    """Whether a training may end by itself before its last epoch; if not, that is a failure."""
    needs_data: ClassVar[bool] = True  # whether a sweep must name a data set
    notes: ClassVar[tuple[str, ...]] = ()
    """Sentences about the recipe that `steadytune check` and the sweep's report show."""

    def metric_bounds(self, settings: Mapping[str, Any]) -> Bounds | None:
        """The bounds of its objective in a training with `settings`; None if they are not known."""
        return self.bounds.get(self.metric)

    @cached_property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """Preset name to settings: "paper" as the recipe's source has it, "tiny" for two CPU cores."""
        presets = read_yaml(self.presets_file).get("presets")
        if not isinstance(presets, dict):
            raise SettingsError(f"{self.presets_file}: presets is missing; it must map names of presets to settings")
        return presets

    @cached_property
    def trainings(self) -> Mapping[str, Mapping[str, Any]]:
        """Named trainings: settings that go on top of a preset, such as the ones that a document compares."""
        return dict(read_yaml(self.presets_file).get("trainings", {}))

    def settings(self, preset: str, overrides: Mapping[str, Any], training: str | None = None) -> SettingsT:
        """The settings of `preset`, then of the named `training`, then `overrides`; every field checked.

        Raises:
            SettingsError: unknown preset, training or field, or a value out of its range.
        """
        values = dict(self._named("preset", self.presets, preset))
        if training is not None:
            values |= self._named("training", self.trainings, training)
        return parse(self.settings_type, values | dict(overrides), self.name)

    def _named(self, kind: str, table: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
        if name not in table:
            raise SettingsError(f"{self.name}: unknown {kind} {name!r}; {nearest(name, table)}")
        return table[name]

    def locate(self, data: str, settings: Mapping[str, Any]) -> str | None:
        """The path of a sweep's `data`, which may be a name that the recipe knows; None if there are no such data."""
        return data if Path(data).exists() else None

    def check(self, settings: SettingsT, data: DataT) -> None:  # most recipes know all from the fields
        """Raise a SteadytuneError if a training could not run that its fields allow; may import heavy libraries.

        Asked before a sweep for the settings of its named trainings and at each bound of each range.
        """

    def fetch(self, settings: SettingsT) -> None:
        """Download, before a sweep on this machine, the first weights that a training with `settings` downloads."""

    @abstractmethod
    def open(self, path: Path) -> DataT:
        """The data set at `path`, checked file by file, ready to be trained on by any number of trials.

        Needs none of the heavy libraries and keeps what it decoded, so a worker opens it once for all its trials.

        Raises:
            DataError: naming the file, the line where there is one, what is wrong and how to mend it.
        """

    def look(self, settings: SettingsT, data: DataT) -> Look:
        """What the data set holds, in pixels of the input of a training with `settings`; a recipe need not tell."""
        return Look()

    def training_batch(self, settings: SettingsT, data: DataT) -> Sequence[Example]:
        """The first examples of a training with `settings`, augmented, from its own loader; a recipe need not give any.

        At most `trainables.look.EXAMPLES`; with the same seed they begin from the same examples of the data set.
        """
        return ()

    @abstractmethod
    def sample(self, directory: Path) -> Path:
        """Write the recipe's small sample data set into `directory`; returns the path that `open` takes."""

    @abstractmethod
    def train(self, settings: SettingsT, data: DataT, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Train, yielding after each epoch until `settings.epochs`.

        Args:
            settings: from `self.settings`.
            data: from `self.open`.
            workdir: the only folder that the training may write to; exists.
            resume: a directory that an earlier `Epoch.save` of the same settings wrote, or of fewer epochs where the
                recipe can be lengthened; continues after its epoch.

        Raises:
            CheckpointError: `resume` is incomplete or belongs to another training.
        """

    def evaluate(self, settings: SettingsT, data: DataT, workdir: Path, checkpoint: Path) -> Mapping[str, float]:
        """Held-out metrics and losses of a checkpoint that a training with `settings` wrote, on any data of its kind.

        Raises:
            CheckpointError: `checkpoint` is incomplete or of a model of another size.
        """
        raise SettingsError(f"recipe {self.name!r}: cannot evaluate a checkpoint; implement its method evaluate")

    @abstractmethod
    def export(self, settings: SettingsT, directory: Path) -> list[Path]:
        """Write `settings` in the format that the recipe's own training code reads; returns the files written."""

    def sweep_files(
        self, settings: SettingsT, data: str, trials: Sequence[TrialSummary], directory: Path
    ) -> Mapping[str, str]:
        """Write what the recipe's own tools tell about a whole sweep, if they do; see `weights` for the result.

        `settings` are of the exported training, `data` is an absolute path or a URI; `directory` has the other files.
        """
        return {}

    def predictor(self, settings: SettingsT, checkpoint: Path) -> Predictor:
        """The model of a training, for inference on the CPU; a recipe need not have one.

        Args:
            settings: of the training.
            checkpoint: a directory that its `Epoch.save` wrote.

        Raises:
            SteadytuneError: the recipe has none, or the checkpoint is incomplete.
        """
        raise SteadytuneError(f"recipe {self.name} has no predictor; implement `predictor` in {type(self).__name__}")

    def frame_predictor(self, settings: SettingsT, checkpoint: Path) -> Predictor:
        """`predictor` for many pictures of one size, perhaps in batches and on the training's device."""
        return self.predictor(settings, checkpoint)

    def example_input(self, picture: Any) -> Any:
        """An input of the predictor, with `picture` in the place of each image."""
        return picture

    def weights(self, settings: SettingsT, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write the trained model's plain weights, for inference by other code; a recipe need not have any.

        They are of the model that `train` evaluated, in the form that the recipe's upstream loads.

        Args:
            settings: of the training.
            checkpoint: a directory that its `Epoch.save` wrote.
            directory: where to write; exists.

        Returns:
            One line a file, by its name: what it is and how it is loaded. Empty if the recipe writes none.

        Raises:
            CheckpointError: the checkpoint is incomplete or of other settings.
        """
        return {}

    def average(self, settings: SettingsT, checkpoints: Sequence[Path], directory: Path) -> None:
        """Write a checkpoint whose weights are the mean of those of several into the empty `directory`, if it can.

        Args:
            settings: of the first one's training; the others differ in their seed alone.
            checkpoints: directories that `Epoch.save` wrote; at least one.
            directory: where to write; exists.

        Raises:
            SteadytuneError: the recipe cannot, or a checkpoint is incomplete.
        """
        raise SteadytuneError(f"recipe {self.name}: its checkpoints have no average; implement its method average")

    def onnx(self, settings: SettingsT, checkpoint: Path, directory: Path) -> Mapping[str, str]:
        """Write the trained model as ONNX and check it against torch's outputs; a recipe need not be able to.

        Arguments and result are those of `weights`; the line says how far the two differ.

        Raises:
            SteadytuneError: the model does not allow it, the file differs from torch, or the checkpoint is incomplete.
        """
        raise SteadytuneError(f"recipe {self.name} writes no ONNX; take its plain weights, without --onnx")


AnyRecipe: TypeAlias = Recipe[Any, Any]
"""A recipe for callers that do not look into its settings and data."""
