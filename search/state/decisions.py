"""A trial's decisions in order, of which all but the last can be kept as compressed text."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import overload

from search.journal.events import Decided


class Decisions(Sequence[Decided]):
    """All decisions about one trial. One at a rung takes 420 bytes as an object, and half of that as text or less."""

    __slots__ = ("_earlier", "_latest")

    def __init__(self) -> None:
        self._earlier = b""  # a line of JSON each, compressed
        self._latest: tuple[Decided, ...] = ()

    def append(self, decision: Decided) -> None:
        """Add the next decision."""
        self._latest = (*self._latest, decision)

    def take_back(self) -> None:
        """Remove the last decision."""
        self._latest = tuple(self)[:-1]
        self._earlier = b""

    def settle(self) -> None:
        """Free memory: compress all decisions but the last, which is read often and stays an object."""
        *earlier, last = self._latest
        if earlier:
            lines = [*self._lines(), *map(_line, earlier)]
            self._earlier, self._latest = zlib.compress("\n".join(lines).encode(), 1), (last,)

    def _lines(self) -> list[str]:
        return zlib.decompress(self._earlier).decode().split("\n") if self._earlier else []

    def __len__(self) -> int:
        return len(self._lines()) + len(self._latest)

    def __bool__(self) -> bool:
        return bool(self._latest)  # called after each event, so it must not unpack anything

    def __iter__(self) -> Iterator[Decided]:
        for line in self._lines():
            yield Decided(*json.loads(line))
        yield from self._latest

    @overload
    def __getitem__(self, index: int) -> Decided: ...

    @overload
    def __getitem__(self, index: slice) -> list[Decided]: ...

    def __getitem__(self, index: int | slice) -> Decided | list[Decided]:
        if index == -1 and self._latest:
            return self._latest[-1]
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it grows


def _line(decision: Decided) -> str:
    fields = [decision.trial, decision.epoch, decision.action, decision.reason, decision.detail, decision.numbers]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
