"""The trials that were the best of a search, each for a while."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from search.journal.epoch_block import EpochBlock
from search.pruning.curve import Curve


class Incumbents:
    """Each rise of the best level, in the order of the journal, in whatever order the trials' epochs are told."""

    def __init__(self, sign: float) -> None:
        """`sign` times a level: higher is better."""
        self._sign = sign
        self._epochs = array("q")  # sequence numbers of the search's epochs
        self._seqs: list[int] = []
        self._rises: list[tuple[int, float]] = []  # trial and level, at each of _seqs

    def add(self, done: EpochBlock, curve: Curve) -> None:
        """Epochs of a trial of the search, the last of its `curve`."""
        self._epochs.extend(done.seqs)
        best = curve.best_value  # no level is above it
        if best is None or self._known_before(done.seqs[0], best):
            return
        for seq, level in zip(done.seqs, curve.smoothed_values(len(done.seqs)), strict=True):
            if level is not None and not self._known_before(seq, level):
                self._rise(seq, done.trial, level)

    def _known_before(self, seq: int, level: float) -> bool:
        place = bisect_right(self._seqs, seq)
        return place > 0 and self._sign * level <= self._sign * self._rises[place - 1][1]

    def _rise(self, seq: int, trial: int, level: float) -> None:
        place = end = bisect_right(self._seqs, seq)
        while end < len(self._seqs) and self._sign * self._rises[end][1] <= self._sign * level:
            end += 1
        self._seqs[place:end] = [seq]
        self._rises[place:end] = [(trial, level)]

    def rises(self) -> list[tuple[int, int, float]]:
        """(epochs that the search had taken by then, trial, level) each time the best level so far rose."""
        epochs = sorted(self._epochs)
        return [
            (bisect_right(epochs, seq), trial, level)
            for seq, (trial, level) in zip(self._seqs, self._rises, strict=True)
        ]
