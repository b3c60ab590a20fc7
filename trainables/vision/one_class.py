"""Whether a detector predicts one class alone: a bad sign in document 002, which the mean over classes hides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainables.vision.average_precision import Detections, Objects

SCORE = 0.25
"""Of a detection that counts: document 002's threshold."""
AFTER = 0.3
"""Share of a training before which one class may well be learnt first."""


def one_class(detected: Sequence[Detections], truth: Sequence[Objects], names: Sequence[str]) -> str:
    """One sentence if all confident detections are of one class where the pictures hold several; else ""."""
    predicted = {
        int(kind) for detections in detected for kind in np.unique(detections.classes[detections.scores >= SCORE])
    }
    present = {int(kind) for objects in truth for kind in np.unique(objects.classes)}
    if len(predicted) != 1 or len(present) < 2:
        return ""
    (only,) = predicted
    return (
        f"All detections with a score of {SCORE} or more are of class {names[only]!r}, although the held-out pictures "
        f"hold {len(present)} classes"
    )
