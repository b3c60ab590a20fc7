"""How well tracks agree with the truth, by TrackEval, the code of HOTA's authors (Luiten et al. 2020).

A box and an object may match from an IoU of 0.5 on, if they are of one class. ID switches (IDSW) and MOTA are CLEAR
MOT's, IDF1 is Ristani's; HOTA is the mean over IoU thresholds of 0.05 to 0.95. Objects of all sequences count alike.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import SteadytuneError
from trainables.tracks.sequence import Frame

MATCHES = 0.5
"""IoU from which on a box matches an object: CLEAR MOT's and MOTChallenge's."""
Score = dict[str, float]
"""By the names of `trainables.tracks.settings.MODES`."""


def track_score(sequences: Sequence[tuple[Sequence[Frame], Sequence[Mapping[str, Any]]]]) -> Score:
    """The four metrics over all `sequences`, each given as its frames and, frame by frame, what the tracker returned.

    Raises:
        SteadytuneError: TrackEval is not installed.
    """
    if importlib.util.find_spec("trackeval") is None:
        raise SteadytuneError(
            "scores of tracks need trackeval, which is not installed; pip install '.[tracks]' in a clone installs it"
        )
    from trackeval.metrics import CLEAR, HOTA, Identity

    prepared = [_sequence(frames, answers) for frames, answers in sequences]
    results: dict[str, Any] = {}
    for metric in (CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False}), HOTA()):
        by_sequence = {str(index): metric.eval_sequence(sequence) for index, sequence in enumerate(prepared)}
        results |= metric.combine_sequences(by_sequence)
    return {
        "idsw": float(results["IDSW"]),
        "mota": float(results["MOTA"]),
        "idf1": float(results["IDF1"]),
        "hota": float(np.mean(results["HOTA"])),
    }


def _sequence(frames: Sequence[Frame], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One sequence as TrackEval's metrics take it: numbers from 0, and the IoU of each pair in each frame."""
    objects: dict[int, int] = {}
    tracks: dict[int, int] = {}
    rows: dict[str, list[NDArray[Any]]] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame, answer in zip(frames, answers, strict=True):
        boxes = np.asarray(answer["boxes"], dtype=np.float64).reshape(-1, 4)
        overlap = iou(frame.boxes, boxes)
        same = [[label in ("", other) for other in answer["labels"]] for label in frame.labels]
        similarity = overlap * np.array(same, dtype=np.float64).reshape(overlap.shape)
        counts = ~_excused(frame.counted, similarity, overlap)
        rows["gt_ids"].append(_numbered(frame.ids[frame.counted].tolist(), objects))
        rows["tracker_ids"].append(_numbered(np.asarray(answer["tracks"], dtype=np.int64)[counts].tolist(), tracks))
        rows["similarity_scores"].append(similarity[frame.counted][:, counts])
    return {
        **rows,
        "num_timesteps": len(frames),
        "num_gt_ids": len(objects),
        "num_tracker_ids": len(tracks),
        "num_gt_dets": sum(map(len, rows["gt_ids"])),
        "num_tracker_dets": sum(map(len, rows["tracker_ids"])),
    }


def _numbered(ids: Sequence[int], numbers: dict[int, int]) -> NDArray[np.int64]:
    return np.array([numbers.setdefault(number, len(numbers)) for number in ids], dtype=np.int64)


def _excused(
    counted: NDArray[np.bool_], similarity: NDArray[np.float64], overlap: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which boxes match an object that counts neither way, and none that counts: MOTChallenge's own preparation."""
    from scipy.optimize import linear_sum_assignment

    excused = np.zeros(overlap.shape[1], dtype=np.bool_)
    if counted.all() or not overlap.size:
        return excused
    scores = np.where(counted[:, None], similarity, overlap)
    scores[scores < MATCHES] = 0
    objects, boxes = linear_sum_assignment(-scores)
    matched = scores[objects, boxes] > 0
    excused[boxes[matched & ~counted[objects]]] = True
    return excused


def iou(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of each of `boxes` (M, 4) with each of `others` (N, 4): (M, N)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clip(0).prod(axis=2)
    areas, other_areas = ((corners[:, 2:] - corners[:, :2]).prod(axis=1) for corners in (boxes, others))
    union = areas[:, None] + other_areas[None, :] - common
    overlap: NDArray[np.float64] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlap
