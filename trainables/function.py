"""A recipe from a function that yields metrics, for trainings that fit on a page.

    from steadytune import recipe

    @recipe(metric="accuracy", epochs=10, lr={"low": 1e-4, "high": 1.0, "log": True, "default": 1e-2})
    def train(settings, data):
        for epoch in range(settings["epochs"]):
            ...
            yield {"accuracy": accuracy, "train_loss": loss}

In a module `digits.py` it is the recipe `digits:train`. Workers import that module: it is a file, not a cell of a
notebook.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import yaml

from trainables.atomic import write_file
from trainables.command.declaration import Parameter, check_parameters, in_order
from trainables.command.declared import DeclaredRecipe, PathData
from trainables.command.settings import DeclaredSettings, settings_type
from trainables.errors import CheckpointError, SettingsError, hint
from trainables.objective import Bounds, Objective
from trainables.recipe import Epoch, no_checkpoint
from trainables.settings import parse

LOSSES = {"train_loss": "train", "val_loss": "val"}
"""Names that a function yields, as `Epoch.losses` has them; stop rules look at both."""
EPOCH_FILE = "state.epoch"
"""In a checkpoint: after which epoch the function wrote it."""

if TYPE_CHECKING:
    from collections.abc import Generator

Function = Callable[..., Iterator[Any]]


def recipe(
    *,
    metric: str,
    epochs: int,
    mode: Literal["max", "min"] = "max",
    bounds: Bounds | None = None,
    **parameters: Mapping[str, Any],
) -> Callable[[Function], type[FunctionRecipe]]:
    """Makes a recipe of a generator function.

    The function takes `settings`, a dictionary with `epochs`, `seed` and each parameter. It yields a dictionary of
    numbers after each epoch: the metric, other metrics, and `train_loss` and `val_loss` if it has them. What else it
    takes, in any order:

        data: path of the sweep's data set.
        resume: None, or the folder of a checkpoint to go on from. Then it yields pairs (numbers, save), where
            `save(folder)` writes a checkpoint into an empty folder, and is called before the next epoch; its trials
            are paused and promoted instead of stopped.

    Args:
        metric: what a sweep optimises, one of the numbers that are yielded.
        epochs: of a whole training.
        mode: whether more or less is better.
        bounds: the lowest and the highest value that the metric can have, such as (0, 1); no projection passes them.
        parameters: what may vary, each as `parameters` of a sweep file has it: low, high, log and default, or choices
            and default.

    Raises:
        SettingsError: mode, bounds or a parameter is wrong, or the function is no generator function of these
            arguments.
    """
    objective = parse(Objective, {"name": metric, "mode": mode, "bounds": bounds}, "recipe")
    declared = {name: _parameter(name, fields) for name, fields in parameters.items()}
    check_parameters(declared)

    def make(function: Function) -> type[FunctionRecipe]:
        name = getattr(function, "__name__", "function")
        _check(name, function)
        members = {
            "__module__": function.__module__,
            "__doc__": function.__doc__,
            "name": f"{function.__module__}:{name}",
            "summary": (inspect.getdoc(function) or "a training that is a function").partition("\n")[0],
            "metric": metric,
            "mode": mode,
            "bounds": {metric: objective.bounds} if objective.bounds else {},
            "resumes": "resume" in inspect.signature(function).parameters,
            "needs_data": "data" in inspect.signature(function).parameters,
            "settings_type": settings_type(declared),
            "declared_parameters": in_order(declared),
            "epochs": epochs,
            "function": staticmethod(function),
        }
        return type(name, (FunctionRecipe,), members)

    return make


def _parameter(name: str, fields: Any) -> Parameter:
    if not isinstance(fields, Mapping):
        question = hint(name, inspect.signature(recipe).parameters, "did you mean {!r}? ")
        raise SettingsError(
            f"recipe: {name} is {fields!r}; {question}a parameter is a mapping such as {{'low': 1e-5, 'high': 1e-1, "
            "'log': True, 'default': 1e-2}, or {'value': 64} if it does not vary"
        )
    return parse(Parameter, fields, f"recipe: {name}")


def _check(name: str, function: Function) -> None:
    if not inspect.isgeneratorfunction(function):
        raise SettingsError(f"recipe {name}: is no generator function; it must yield a dictionary after each epoch")
    arguments = set(inspect.signature(function).parameters)
    if "settings" not in arguments or arguments - {"settings", "data", "resume"}:
        listed = ", ".join(inspect.signature(function).parameters) or "nothing"
        raise SettingsError(f"recipe {name}: takes {listed}; it must take settings, and may take data and resume")


class FunctionRecipe(DeclaredRecipe):
    """A recipe that `recipe` made."""

    declared_parameters: ClassVar[Mapping[str, Parameter]]
    epochs: ClassVar[int]
    function: ClassVar[Function]

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """See `DeclaredRecipe.parameters`."""
        return self.declared_parameters

    @property
    def default_epochs(self) -> int:
        """See `DeclaredRecipe.default_epochs`."""
        return self.epochs

    def open(self, path: Path) -> PathData:
        """See `Recipe.open`. Only the function knows its data; here it must be there."""
        return PathData.of(path if self.needs_data else None)

    def sample(self, directory: Path) -> Path:
        """See `Recipe.sample`."""
        raise SettingsError(f"recipe {self.name!r} has no sample data: its function has its own")

    def train(
        self, settings: DeclaredSettings, data: PathData, workdir: Path, resume: Path | None = None
    ) -> Iterator[Epoch]:
        """See `Recipe.train`."""
        if resume is not None and not self.resumes:
            raise CheckpointError(f"{resume}: {self.name} takes no resume, so it cannot go on from a checkpoint")
        offered = {"settings": settings.model_dump(), "data": data.path, "resume": resume}
        arguments = {name: offered[name] for name in inspect.signature(self.function).parameters}
        epochs = range(_epoch_of(resume) + 1 if resume else 1, settings.epochs + 1)
        yielded = cast("Generator[Any, None, None]", self.function(**arguments))  # as `recipe` has checked
        with closing(yielded):
            began = time.perf_counter()
            for epoch, values in zip(epochs, yielded, strict=False):
                now = time.perf_counter()
                yield self._epoch(epoch, values, now - began)
                began = time.perf_counter()

    def _epoch(self, epoch: int, yielded: Any, seconds: float) -> Epoch:
        numbers, save = yielded if self.resumes and isinstance(yielded, tuple) else (yielded, no_checkpoint)
        if not isinstance(numbers, Mapping):
            raise SettingsError(
                f"{self.name}: yielded a {type(numbers).__name__} after epoch {epoch}; it must yield a dictionary"
                + (" and a function that saves" if self.resumes else "")
            )
        values = {name: self._number(epoch, name, value) for name, value in numbers.items()}
        if self.metric not in values:
            raise SettingsError(
                f"{self.name}: yielded {', '.join(values) or 'nothing'} after epoch {epoch}, and no {self.metric}, "
                "which is the metric"
            )
        losses = {LOSSES[name]: values[name] for name in LOSSES.keys() & values.keys()}
        metrics = {name: value for name, value in values.items() if name not in LOSSES or name == self.metric}
        return Epoch(epoch, "main", metrics, losses, {}, {"train": seconds}, _saving(save, epoch))

    def _number(self, epoch: int, name: str, value: Any) -> float:
        try:
            return float(value)  # also a tensor of one element
        except (TypeError, ValueError):
            raise SettingsError(f"{self.name}: {name} is {value!r} after epoch {epoch}; it must be a number") from None

    def export(self, settings: DeclaredSettings, directory: Path) -> list[Path]:
        """Write the settings as the function takes them."""
        directory.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(settings.model_dump(), sort_keys=False)
        return [write_file(directory / f"{self.function.__name__}.yaml", text)]


def _saving(save: Callable[[Path], None], epoch: int) -> Callable[[Path], None]:
    if save is no_checkpoint:
        return save

    def write(folder: Path) -> None:
        save(folder)
        (folder / EPOCH_FILE).write_text(f"{epoch}\n", encoding="utf-8")

    return write


def _epoch_of(checkpoint: Path) -> int:
    try:
        return int((checkpoint / EPOCH_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CheckpointError(f"{checkpoint / EPOCH_FILE}: is missing or damaged; train anew") from None
