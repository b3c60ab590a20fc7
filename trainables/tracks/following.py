"""A detector's predictor over sequences, with each tracker at once: a frame is looked at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainables.errors import SettingsError
from trainables.tracks.scores import Score, track_score
from trainables.tracks.sequence import Sequences
from trainables.tracks.settings import Tracks
from trainables.tracks.trackers import MakeTracker, tracker_maker
from trainables.vision.decode import decode

BATCH = 8
"""Frames that are predicted at a time: on a CPU four times as fast as one by one, and no slower than 30."""
Predict = Callable[[list[Any]], list[dict[str, Any]]]
"""See `trainables.recipe.Predictor`."""
FrameInput = Callable[[Path], Any]
"""See `Follows.frame_input` in `trainables.tracks.tracked`."""
Followed = list[Mapping[str, Any]]
"""What a tracker returned, frame by frame."""


def makers(tracks: Tracks) -> dict[str, MakeTracker]:
    """What makes each of the trackers.

    Raises:
        SteadytuneError: one of them is unknown or not installed, or has no such setting.
    """
    for name in tracks.settings.keys() - set(tracks.trackers):
        raise SettingsError(f"tracks.settings names {name!r}, which is none of trackers: {', '.join(tracks.trackers)}")
    return {name: tracker_maker(name, tracks.settings.get(name, {})) for name in tracks.trackers}


def track_scores(predict: Predict, frame_input: FrameInput, sequences: Sequences, tracks: Tracks) -> dict[str, Score]:
    """The metrics of each tracker, by its name, over all sequences.

    Raises:
        SteadytuneError: see `makers`; or the predictor finds no boxes.
    """
    by_tracker = makers(tracks)
    followed: dict[str, list[Followed]] = {name: [] for name in by_tracker}
    for sequence in sequences.members:
        trackers = {name: make(sequence.rate) for name, make in by_tracker.items()}
        for name in trackers:
            followed[name].append([])
        for start in range(0, len(sequence.frames), BATCH):
            pictures = [frame.picture for frame in sequence.frames[start : start + BATCH]]
            for picture, answer in zip(pictures, predict(list(map(frame_input, pictures))), strict=True):
                detected, pixels = _boxes(answer), decode(picture)
                for name, tracker in trackers.items():
                    followed[name][-1].append(_checked(name, tracker.follow(detected, pixels)))
    truth = [member.frames for member in sequences.members]
    return {name: track_score(list(zip(truth, tracks, strict=True))) for name, tracks in followed.items()}


def _boxes(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a tracker is given of a predictor's answer."""
    if "boxes" not in answer:
        raise SettingsError("tracks follows boxes, and this model gives a class to the whole; leave it out")
    boxes = np.asarray(answer["boxes"], dtype=np.float64).reshape(-1, 4)
    finite = np.flatnonzero(np.isfinite(boxes).all(axis=1))  # a training that is lost may give others
    return {name: [answer[name][index] for index in finite] for name in ("boxes", "scores", "labels")}


def _checked(name: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a tracker returned, which may be somebody else's."""
    parts = ("boxes", "labels", "tracks")
    lacking = [part for part in parts if not isinstance(answer, Mapping) or part not in answer]
    if lacking:
        raise SettingsError(f"tracker {name!r}: follow returned no {lacking[0]!r}; it returns {', '.join(parts)}")
    lengths, different = [len(answer[part]) for part in parts], len(set(answer["tracks"]))
    if len(set(lengths)) > 1 or different < lengths[-1]:
        raise SettingsError(
            f"tracker {name!r}: follow returned {lengths[0]} boxes, {lengths[1]} labels and {different} "
            "different tracks; each box needs its own"
        )
    return answer
