"""The metrics of `trainables.vision.average_precision`, for modules that do not import NumPy."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.objective import Bounds, Reports

AVERAGES = ("map50_95", "map50", "map75")
DETECTION: Reports = dict.fromkeys((*AVERAGES, "map50_95/*"), "max")
"""With that of each class."""
DETECTION_BOUNDS: Mapping[str, Bounds] = dict.fromkeys(AVERAGES, (0.0, 1.0))
