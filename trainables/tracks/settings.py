"""What a sweep says about tracking, and which metrics that gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from trainables.settings import Settings

BOTSORT, BYTETRACK = "botsort", "bytetrack"
FOLDER = "sequences"
"""Of a data set's folder: where the samples have their sequences."""
MODES: Mapping[str, Literal["max", "min"]] = {"idsw": "min", "mota": "max", "idf1": "max", "hota": "max"}
"""The metrics of a tracker: ID switches and MOTA (CLEAR MOT, Bernardin and Stiefelhagen 2008), IDF1 (Ristani et al.
2016), HOTA (Luiten et al. 2020)."""
BOUNDS = {"idf1": (0.0, 1.0), "hota": (0.0, 1.0)}
"""MOTA has no lowest value, ID switches have no highest."""


class Tracks(Settings):
    """How a detector is tracked and scored during a training."""

    sequences: str = Field(
        FOLDER,
        min_length=1,
        description="folder of sequences in MOTChallenge's layout, or a COCO file with tracks; in the data set's "
        "folder if relative",
    )
    trackers: tuple[str, ...] = Field(
        (BOTSORT, BYTETRACK),
        min_length=1,
        strict=False,
        description="botsort, bytetrack (Ultralytics'), or module:Class; the first one's metrics are idsw, mota, idf1 "
        "and hota",
    )
    every: int = Field(
        1, ge=1, le=10_000, description="epochs from one tracking to the next; the last epoch is tracked too"
    )
    settings: dict[str, dict[str, Any]] = Field(
        {}, description="settings of trackers, by tracker: {botsort: {track_buffer: 60}}; Ultralytics' own if not given"
    )

    @field_validator("trackers")
    @classmethod
    def _each_is_given_once(cls, trackers: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(trackers)) < len(trackers):
            raise ValueError("must name each tracker once")
        return trackers

    def names(self) -> dict[str, str]:
        """Metric to what `MODES` calls it: the first tracker's have these names, the others' have the tracker behind.

        >>> Tracks().names()["idsw/bytetrack"]
        'idsw'
        """
        return {
            metric if tracker == self.trackers[0] else f"{metric}/{tracker}": metric
            for tracker in self.trackers
            for metric in MODES
        }

    def due(self, epoch: int, epochs: int) -> bool:
        """Whether the checkpoint of `epoch` (from 1, of `epochs`) is tracked."""
        return epoch % self.every == 0 or epoch == epochs


def _by_place(given: Any) -> Any:
    return (
        {"sequences": given} if isinstance(given, str) else {} if given is True else None if given is False else given
    )


TracksField = Annotated[Tracks | None, BeforeValidator(_by_place)]
"""Tracking; a text alone is where the sequences are, true alone all defaults, false none."""
