"""What the processes of `trainables.ranks` do in its tests; and a program that starts some and is then killed.

    python -m tests.support.rank_work FOLDER

starts two processes, prints their ids and waits.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from trainables.errors import SettingsError
from trainables.rank import Rank

TARGET = "tests.support.rank_work:Work"


class Work:
    """Of the process `rank`; `first` is what its `name` begins with."""

    def __init__(self, rank: Rank, first: str) -> None:
        if first == "bad":
            raise SettingsError("first is bad; give another one")
        self._rank, self._first = rank, first

    def pid(self) -> int:
        """Of this process."""
        return os.getpid()

    def name(self, last: str) -> str:
        """Prints it too."""
        print(f"{last} of {self._rank.number}")
        return f"{self._first} {self._rank.number} of {self._rank.count} {last}"

    def fail(self, number: int) -> None:
        """Raise in one process; the others wait for it."""
        if self._rank.number == number:
            raise SettingsError(f"broken in {number}")
        time.sleep(600)

    def total(self, value: float) -> float:
        """The sum of `value` times the process' number plus one, over all."""
        import torch
        from torch import distributed

        if not distributed.is_initialized():
            self._rank.join("cpu")
        tensor = torch.tensor([value * (self._rank.number + 1)])
        distributed.all_reduce(tensor)
        return float(tensor)

    def total_without(self, number: int) -> float:
        """The sum, which one process does not live to give."""
        if self._rank.number == number:
            os.kill(os.getpid(), 9)
        return self.total(1.0)

    def close(self) -> None:
        """Leave a file that says so."""
        (self._rank.meeting.parents[1] / f"closed-{self._rank.number}").touch()


def main() -> None:
    """Start two processes and wait to be killed."""
    from trainables.ranks import Ranks  # imports torch, which the processes need not

    ranks = Ranks(2, Path(sys.argv[1]), TARGET, "x")
    print(*ranks.ask("pid"), flush=True)
    ranks.ask("fail", 2)  # which waits


if __name__ == "__main__":
    main()
