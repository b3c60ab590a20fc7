"""Whether a score means what it says: of the answers with a score of about 0.8, are about 80 % right?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainables.model_report import Bin

BINS = 10


def calibration(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[tuple[Bin, ...], float | None]:
    """Bins of equal width over [0, 1] that hold an answer, and the expected calibration error.

    The error is that of Guo et al. 2017 ("On Calibration of Modern Neural Networks", section 2): the distance of mean
    score and share that is right, weighted by the number of answers in each bin. None if there is no answer.

    Args:
        scores: (N,) in [0, 1].
        right: (N,).
    """
    if not len(scores):
        return (), None
    bin_numbers = np.minimum((scores * BINS).astype(int), BINS - 1)
    counts = np.bincount(bin_numbers, minlength=BINS)
    filled = np.flatnonzero(counts)
    means = np.bincount(bin_numbers, weights=scores, minlength=BINS)[filled] / counts[filled]
    shares = np.bincount(bin_numbers, weights=right, minlength=BINS)[filled] / counts[filled]
    error = float(np.abs(means - shares) @ counts[filled] / counts.sum())
    bins = zip(means.tolist(), shares.tolist(), counts[filled].tolist(), strict=True)
    return tuple(Bin(score, share, count) for score, share, count in bins), error
