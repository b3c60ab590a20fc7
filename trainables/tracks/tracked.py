"""A detector's recipe whose checkpoints are tracked while it trains: the trackers' metrics stand beside its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from trainables.errors import SettingsError
from trainables.look import Look, LookTable
from trainables.recipe import AnyRecipe, Epoch
from trainables.tracks.following import makers, track_scores
from trainables.tracks.reading import open_sequences
from trainables.tracks.scores import Score
from trainables.tracks.sequence import Sequences
from trainables.tracks.settings import MODES, Tracks


@runtime_checkable
class Follows(Protocol):
    """A recipe whose predictor finds boxes in single pictures, so that they can be tracked.

    Its data sets are dataclasses with the class `names` and a field `sequences`, None unless tracks are asked for.
    """

    def frame_input(self, picture: Path) -> Any:
        """What the predictor takes for the frame of a sequence whose picture is the file `picture`."""


@runtime_checkable
class Tracked(Protocol):
    """A recipe that `tracked` made."""

    def track_scores(self, settings: Any, data: Any, checkpoint: Path) -> dict[str, Score]:
        """The metrics of each tracker, by its name, for the detector of `checkpoint`; `data` is from `open`."""


def tracked(recipe: AnyRecipe, tracks: Tracks) -> AnyRecipe:
    """`recipe` with the metrics of `Tracks.names` in the epochs that `Tracks.due` says.

    Raises:
        SettingsError: the recipe does not keep to `Follows`.
    """
    check_follows(recipe)
    kind = type(recipe)

    def opened(tracking: AnyRecipe, path: Path) -> Any:
        makers(tracks)
        data = kind.open(tracking, path)
        folder = path.parent if path.is_file() else path
        sequences = open_tracks(tracking, folder / tracks.sequences, data.names)
        data.findings.extend(sequences.findings)
        return replace(data, sequences=sequences)

    def look(tracking: AnyRecipe, settings: Any, data: Any) -> Look:
        seen = kind.look(tracking, settings, data)
        return replace(seen, tables=(*seen.tables, sequences_table(data.sequences)))

    def scored(tracking: AnyRecipe, settings: Any, data: Any, checkpoint: Path) -> dict[str, Score]:
        return scores_of(tracking, settings, checkpoint, data.sequences, tracks)

    def train(
        tracking: AnyRecipe, settings: Any, data: Any, workdir: Path, resume: Path | None = None
    ) -> Iterator[Epoch]:
        with closing(kind.train(tracking, settings, data, workdir, resume)) as epochs:  # type: ignore[type-var]
            for epoch in epochs:
                if epoch.alarm is None and tracks.due(epoch.epoch, settings.epochs):
                    epoch = _with_tracks(epoch, tracking, settings, data.sequences, workdir, tracks)
                yield epoch

    reports = {**{name: MODES[metric] for name, metric in tracks.names().items()}, **kind.reports}
    members = {"reports": reports, "open": opened, "look": look, "train": train, "track_scores": scored}
    tracking_recipe: AnyRecipe = type(kind.__name__, (kind,), members)()
    return tracking_recipe


def open_tracks(recipe: AnyRecipe, path: Path, names: Sequence[str]) -> Sequences:
    """The sequences at `path` for `recipe`, of a data set with classes `names`, all checked.

    Raises:
        SettingsError: the recipe does not keep to `Follows`.
        DataError: see `open_sequences`; or a frame lacks what the recipe's predictor takes.
    """
    check_follows(recipe)
    assert isinstance(recipe, Follows)
    sequences = open_sequences(path, names)
    for member in sequences.members:
        for frame in member.frames:
            recipe.frame_input(frame.picture)
    return sequences


def sequences_table(sequences: Sequences) -> LookTable:
    """What each sequence holds."""
    rows = []
    for member in sequences.members:
        objects = {int(number) for frame in member.frames for number in frame.ids[frame.counted]}
        boxes = sum(int(frame.counted.sum()) for frame in member.frames)
        rows.append((member.name, f"{len(member.frames):,}", f"{member.rate:g}", f"{len(objects):,}", f"{boxes:,}"))
    columns = ("sequence", "frames", "frames a second", "objects", "boxes")
    return LookTable("Sequences with tracks", columns, tuple(rows))


def check_follows(recipe: AnyRecipe) -> None:
    """Refuse a recipe whose boxes cannot be tracked. Raises SettingsError."""
    if not isinstance(recipe, Follows):
        raise SettingsError(
            f"tracks is not for recipe {recipe.name}, which finds no boxes in single pictures; leave it out, or "
            "implement frame_input (trainables.tracks.tracked)"
        )


def scores_of(
    recipe: AnyRecipe, settings: Any, checkpoint: Path, sequences: Sequences, tracks: Tracks
) -> dict[str, Score]:
    """The metrics of each tracker, by its name, for the detector of a checkpoint.

    Raises:
        SteadytuneError: the recipe cannot be tracked, or a tracker is wrong.
    """
    check_follows(recipe)
    assert isinstance(recipe, Follows)
    return track_scores(recipe.frame_predictor(settings, checkpoint), recipe.frame_input, sequences, tracks)


def by_metric(scores: Mapping[str, Score], tracks: Tracks) -> dict[str, float]:
    """The scores by the names of `Tracks.names`."""
    ordered = (scores[tracker][metric] for tracker in tracks.trackers for metric in scores[tracker])
    return dict(zip(tracks.names(), ordered, strict=True))


def _with_tracks(
    epoch: Epoch, recipe: AnyRecipe, settings: Any, sequences: Sequences, workdir: Path, tracks: Tracks
) -> Epoch:
    from trainables.loop import seeded  # imports torch

    began = time.perf_counter()
    # A new network draws its first weights: a trainer that goes on must not see that.
    with tempfile.TemporaryDirectory(dir=workdir) as folder, seeded("tracks", epoch.epoch):
        epoch.save(Path(folder))
        scores = scores_of(recipe, settings, Path(folder), sequences, tracks)
    seconds = {**epoch.seconds, "tracks": time.perf_counter() - began}
    return replace(epoch, metrics={**epoch.metrics, **by_metric(scores, tracks)}, seconds=seconds)
