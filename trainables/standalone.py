"""A checkpoint on its own: what it scores on data, without its training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables import checkpoint, registry
from trainables.errors import CheckpointError, no_data_at
from trainables.held_out import HeldOut
from trainables.judged import JudgedModel, judge
from trainables.loop_recipe import matched
from trainables.metric_text import metric_text
from trainables.recipe import AnyRecipe
from trainables.settings import Settings, parse, parse_stored, read_yaml
from trainables.tracks.settings import Tracks


@dataclass(frozen=True)
class Opened:
    """A checkpoint and data to evaluate it on.

    Attributes:
        checkpoint: a directory such as epoch-0007.
        recipe: that wrote it.
        settings: of its training.
        data: what the recipe opened.
    """

    checkpoint: Path
    recipe: AnyRecipe
    settings: Settings
    data: Any

    def evaluate(self) -> Iterator[str]:
        """Evaluate on the held-out split, yielding one line per metric.

        Classes are matched by their names; one that only checkpoint or data have is named in a line of its own.

        Raises:
            SteadytuneError: checkpoint, settings and data do not fit.
        """
        if classes := matched(self.data, self.checkpoint):
            yield from classes.notes()
        with tempfile.TemporaryDirectory() as workdir:
            metrics = self.recipe.evaluate(self.settings, self.data, Path(workdir), self.checkpoint)
        for metric, value in metrics.items():
            yield f"{metric} {metric_text(value)}"

    def score_tracks(self, sequences: Path, trackers: Sequence[str]) -> dict[str, dict[str, float]]:
        """Follow what the model finds in the sequences at `sequences`: the metrics of each tracker, by its name.

        Raises:
            SteadytuneError: the recipe cannot be tracked, a tracker is unknown, or the sequences have a fault.
        """
        from trainables.tracks.tracked import open_tracks, scores_of

        fields: dict[str, Any] = {"trackers": list(trackers)} if trackers else {}
        tracks = parse(Tracks, fields, "--tracker")
        opened = open_tracks(self.recipe, sequences, getattr(self.data, "names", ()))
        return scores_of(self.recipe, self.settings, self.checkpoint, opened, tracks)

    def judge(self, title: str, most: int | None = None) -> tuple[Sequence[HeldOut], JudgedModel]:
        """The held-out examples and what the model does on them; see `trainables.judged.judge`."""
        return judge(self.recipe, self.settings, self.data, self.checkpoint, title, most)


def open_checkpoint(
    directory: Path, data: Path, name: str | None, config: Path | None, values: Mapping[str, Any]
) -> Opened:
    """A checkpoint with its recipe and settings, and data, checked.

    Args:
        directory: checkpoint such as epoch-0007.
        data: of the recipe's kind.
        name: recipe; the one that wrote the checkpoint if None.
        config: complete settings; those beside the checkpoint's weights if None.
        values: on top of them.

    Raises:
        SteadytuneError: checkpoint, settings or data are wrong.
    """
    recipe, settings = read_checkpoint(directory, name, config, values)
    return Opened(directory, recipe, settings, open_data(recipe, data))


def open_data(recipe: AnyRecipe, path: Path) -> Any:
    """The data set of `recipe` at `path`, checked.

    Raises:
        DataError: there is none, or it is wrong.
    """
    if not path.exists() and recipe.locate(str(path), {}) is None:
        raise no_data_at(str(path), recipe.name)
    return recipe.open(path)


def read_checkpoint(
    directory: Path, name: str | None = None, config: Path | None = None, values: Mapping[str, Any] | None = None
) -> tuple[AnyRecipe, Settings]:
    """The recipe and the settings of a checkpoint; arguments and errors as of `open_checkpoint`."""
    from trainables.loop import SETTINGS, recipe_of

    checkpoint.check(directory)
    written_by = recipe_of(directory) if name is None else name
    if name is None and written_by not in registry.names():
        raise CheckpointError(
            f"{directory}: was written by recipe {written_by}, which has no name here; give --recipe module:Class"
        )
    recipe = registry.find_installed(written_by)
    file = config or directory / SETTINGS
    return recipe, parse_stored(recipe.settings_type, {**read_yaml(file), **(values or {})}, str(file))


def evaluate(
    directory: Path, data: Path, name: str | None, config: Path | None, values: Mapping[str, Any]
) -> Iterator[str]:
    """Evaluate a checkpoint on the held-out split of `data`; see `open_checkpoint` and `Opened.evaluate`."""
    yield from open_checkpoint(directory, data, name, config, values).evaluate()
