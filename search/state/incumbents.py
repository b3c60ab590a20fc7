"""The trials that were the best of a search, each for a while."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from search.journal.epoch_block import EpochBlock
from search.pruning.curve import Curve


class Incumbents:
    """Each rise of the search's best objective, in the journal's order.

    Blocks of different trials overlap in the journal and are added one after the other, so an epoch may be added after
    later epochs of another trial. So rises are kept sorted by sequence number, and a rise is removed if an epoch added
    after it turns out to have come earlier and to be at least as good.
    """

    def __init__(self) -> None:
        self._epoch_seqs = array("q")  # of all the search's epochs
        self._rise_seqs: list[int] = []
        self._rises: list[tuple[int, float, float]] = []  # at each: trial, objective, the same oriented

    def add(self, block: EpochBlock, curve: Curve) -> None:
        """Add epochs of a trial of the search: the last ones of its `curve`."""
        self._epoch_seqs.extend(block.seqs)
        best = curve.best_value  # a mean of some values is never better than the best of all
        if best is None or self._is_surpassed(block.seqs[0], curve.oriented(best)):
            return
        for seq, value in zip(block.seqs, curve.compared_values(len(block.seqs)), strict=True):
            if value is not None and not self._is_surpassed(seq, curve.oriented(value)):
                self._insert(seq, (block.trial, value, curve.oriented(value)))

    def _is_surpassed(self, seq: int, oriented: float) -> bool:
        """Whether the best by `seq` is at least as good."""
        index = bisect_right(self._rise_seqs, seq)
        return index > 0 and oriented <= self._rises[index - 1][2]

    def _insert(self, seq: int, rise: tuple[int, float, float]) -> None:
        start = end = bisect_right(self._rise_seqs, seq)
        while end < len(self._rise_seqs) and self._rises[end][2] <= rise[2]:
            end += 1  # that later epoch is no rise any more
        self._rise_seqs[start:end] = [seq]
        self._rises[start:end] = [rise]

    def rises(self) -> list[tuple[int, int, float]]:
        """(epochs that the search had taken by then, trial, objective) at each rise of the best so far."""
        epoch_seqs = sorted(self._epoch_seqs)
        return [
            (bisect_right(epoch_seqs, seq), trial, value)
            for seq, (trial, value, _) in zip(self._rise_seqs, self._rises, strict=True)
        ]
