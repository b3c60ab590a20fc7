"""Objects followed from frame to frame: which boxes of consecutive frames are one object, by Ultralytics' BoT-SORT."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.errors import SteadytuneError
from trainables.ultralytics_import import isolated

CONFIGURATION = "botsort.yaml"
"""Ultralytics' own defaults: it follows the camera's motion and looks at boxes alone, not at what objects look like."""
NEEDS = ("ultralytics", "lap")


class Tracker:
    """Follows the objects of one video.

    Args:
        threshold: of scores, from which on a box begins a track. Weaker boxes, down to Ultralytics' 0.1, continue one.

    Raises:
        SteadytuneError: what it needs is not installed.
    """

    def __init__(self, threshold: float) -> None:
        if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
            raise SteadytuneError(
                f"--tracks needs {' and '.join(missing)}, which is not installed; pip install '.[tracks]' in a clone"
                " installs it"
            )
        with isolated():
            from ultralytics.engine.results import Boxes
            from ultralytics.trackers.bot_sort import BOTSORT
            from ultralytics.utils import YAML, IterableSimpleNamespace
            from ultralytics.utils.checks import check_yaml
        values = YAML.load(check_yaml(CONFIGURATION))
        low = min(values["track_low_thresh"], threshold)
        values |= {"track_high_thresh": threshold, "new_track_thresh": threshold, "track_low_thresh": low}
        self._boxes, self._tracker = Boxes, BOTSORT(IterableSimpleNamespace(**values))

    def follow(self, answer: Mapping[str, Any], pixels: NDArray[np.uint8]) -> dict[str, Any]:
        """The boxes of the next frame that belong to a track, best first, with `tracks`, their numbers from 1.

        An object is followed from its second frame on, or from the video's first.

        Args:
            answer: of a recipe's predictor, with weak boxes too.
            pixels: of the frame, RGB.
        """
        names = list(dict.fromkeys(answer["labels"]))
        rows = np.zeros((len(answer["labels"]), 6), dtype=np.float32)
        if len(rows):
            rows[:, :4], rows[:, 4] = answer["boxes"], answer["scores"]
            rows[:, 5] = [names.index(name) for name in answer["labels"]]
        followed = self._tracker.update(self._boxes(rows, pixels.shape[:2]), np.ascontiguousarray(pixels[..., ::-1]))
        numbers = {int(row[-1]): int(row[4]) for row in followed}
        kept = sorted(numbers, key=lambda index: -float(answer["scores"][index]))
        parts = {name: [answer[name][index] for index in kept] for name in ("boxes", "scores", "labels")}
        return parts | {"tracks": [numbers[index] for index in kept]}
