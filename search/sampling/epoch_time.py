"""How long an epoch of a new configuration will take, from those of the trials so far."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

SHRINKAGE = 0.1
"""The ridge of the regression: a coordinate that few trials vary counts little."""


def predicted_seconds(points: Array, seconds: Array, new: Array) -> Array:
    """The seconds that an epoch takes at `new` points, by a ridge regression of their logarithm.

    That time is nearly a product, of the model's size and the pixels of its input, so its logarithm is nearly a sum.

    Args:
        points: a row of coordinates, each from 0 to 1, for each trial whose time is known; at least one.
        seconds: what a median epoch of these trials took.
        new: rows of coordinates.
    """
    logarithms = np.log(seconds)
    centre, mean = points.mean(axis=0), logarithms.mean()
    off = points - centre
    slopes = np.linalg.solve(off.T @ off + SHRINKAGE * np.eye(points.shape[1]), off.T @ (logarithms - mean))
    predicted: Array = np.exp(mean + (new - centre) @ slopes)
    return predicted
