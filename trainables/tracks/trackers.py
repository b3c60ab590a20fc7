"""Objects followed from frame to frame: which boxes of consecutive frames are one object.

Ultralytics' trackers are called by their names. Any other one, such as a wrapper of TrackSSM, is a class that keeps to
`Tracker` and is called by its place, "module:Class".
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trainables.address import load
from trainables.errors import SettingsError, SteadytuneError, nearest
from trainables.tracks.settings import BOTSORT, BYTETRACK
from trainables.ultralytics_import import isolated

ULTRALYTICS = {BOTSORT: ("bot_sort", "BOTSORT"), BYTETRACK: ("byte_tracker", "BYTETracker")}
"""Module and class in `ultralytics.trackers`, by the names of their files of defaults."""
NEEDS = ("ultralytics", "lap")


@runtime_checkable
class Tracker(Protocol):
    """Follows the objects of one sequence. A class of one's own is called with `rate`, the frames a second, and its
    settings by name; for each sequence anew.
    """

    def follow(self, answer: Mapping[str, Any], pixels: NDArray[np.uint8]) -> Mapping[str, Any]:
        """The boxes of the next frame that belong to a track, with `tracks`, their numbers.

        Args:
            answer: what the detector found: `boxes` (n, 4) as x1 y1 x2 y2 in pixels, best first, `scores` (n,) in
                [0, 1] and `labels`, n names; weak boxes too.
            pixels: of the frame, RGB (height, width, 3) uint8.

        Returns:
            `boxes`, `scores` and `labels` in the same form, and `tracks`, m whole numbers, no two of them equal.
        """


MakeTracker = Callable[[float], Tracker]
"""Makes a tracker for one sequence; takes its frames a second."""


def tracker_maker(name: str, settings: Mapping[str, Any]) -> MakeTracker:
    """What makes a tracker for each sequence.

    Args:
        name: "botsort", "bytetrack", or the place of a class, "module:Class".
        settings: on top of the tracker's own defaults.

    Raises:
        SettingsError: there is no such tracker, or it has no such setting.
        SteadytuneError: what it needs is not installed.
    """
    if name in ULTRALYTICS:
        values = _checked(name, settings)
        return lambda rate: UltralyticsTracker(name, values)
    if ":" not in name:
        raise SettingsError(f"trackers: unknown tracker {name!r}; {nearest(name, ULTRALYTICS)}, or module:Class")
    kind = load(name, f"tracker {name!r}")
    if not (isinstance(kind, type) and callable(getattr(kind, "follow", None))):
        raise SettingsError(f"tracker {name!r}: it must be a class with a method follow(answer, pixels)")
    try:
        inspect.signature(kind).bind(rate=1.0, **settings)
    except TypeError as error:
        raise SettingsError(f"tracker {name!r}: cannot be called with rate and its settings: {error}") from None
    return lambda rate: kind(rate=rate, **settings)


def defaults(name: str) -> dict[str, Any]:
    """Ultralytics' defaults of one of its trackers.

    Raises:
        SteadytuneError: what it needs is not installed.
    """
    if missing := [need for need in NEEDS if importlib.util.find_spec(need) is None]:
        raise SteadytuneError(
            f"tracking needs {' and '.join(missing)}, which is not installed; pip install '.[tracks]' in a clone"
            " installs it"
        )
    with isolated():
        from ultralytics.utils import YAML
        from ultralytics.utils.checks import check_yaml
    return dict(YAML.load(check_yaml(f"{name}.yaml")))


def _checked(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with `settings` on top, each of its default's type."""
    values = defaults(name)
    for setting, value in settings.items():
        if setting not in values or setting == "tracker_type":
            valid = [key for key in values if key != "tracker_type"]
            raise SettingsError(f"settings of tracker {name}: unknown setting {setting!r}; {nearest(setting, valid)}")
        default = values[setting]
        kind = float if isinstance(default, float) else type(default)
        allowed = (int, float) if kind is float else kind
        if not isinstance(value, allowed) or isinstance(value, bool) != (kind is bool):
            expected = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}[kind]
            raise SettingsError(
                f"settings of tracker {name}: {setting} is {value!r}; it must be {expected}, such as {default}"
            )
        values[setting] = kind(value)
    return values


class UltralyticsTracker:
    """One of Ultralytics' trackers.

    BoT-SORT follows the camera's motion; both look at boxes alone, not at what objects look like.

    Args:
        name: of `ULTRALYTICS`.
        values: all of its settings.
    """

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        with isolated():
            from ultralytics.engine.results import Boxes
            from ultralytics.utils import IterableSimpleNamespace
        module, kind = ULTRALYTICS[name]
        with isolated():
            make_tracker = getattr(importlib.import_module(f"ultralytics.trackers.{module}"), kind)
        self._boxes, self._tracker = Boxes, make_tracker(IterableSimpleNamespace(**values))

    def follow(self, answer: Mapping[str, Any], pixels: NDArray[np.uint8]) -> dict[str, Any]:
        """The boxes of the next frame that belong to a track, best first, with `tracks`, their numbers from 1.

        An object is followed from its second frame on, or from the sequence's first.
        """
        names = list(dict.fromkeys(answer["labels"]))
        rows = np.zeros((len(answer["labels"]), 6), dtype=np.float32)
        if len(rows):
            rows[:, :4], rows[:, 4] = answer["boxes"], answer["scores"]
            rows[:, 5] = [names.index(name) for name in answer["labels"]]
        followed = self._tracker.update(self._boxes(rows, pixels.shape[:2]), np.ascontiguousarray(pixels[..., ::-1]))
        numbers = {int(row[-1]): int(row[4]) for row in followed}
        ranked = sorted(numbers, key=lambda index: -float(answer["scores"][index]))
        parts = {name: [answer[name][index] for index in ranked] for name in ("boxes", "scores", "labels")}
        return parts | {"tracks": [numbers[index] for index in ranked]}
