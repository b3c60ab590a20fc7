"""A trial's decisions in order. While a sweep runs the last is looked at; the others are kept as compressed text."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import overload

from search.journal.events import Decided


class Decisions(Sequence[Decided]):
    """All decisions about one trial. One at a rung takes 420 bytes as an object, and half of that as text or less."""

    __slots__ = ("_earlier", "_last")

    def __init__(self) -> None:
        self._earlier = b""  # a line of JSON each, compressed
        self._last: Decided | None = None

    def append(self, decision: Decided) -> None:
        """The next one."""
        if self._last:
            last = self._last
            fields = [last.trial, last.epoch, last.action, last.reason, last.detail, last.numbers]
            self._keep([*self._lines(), json.dumps(fields, ensure_ascii=False, separators=(",", ":"))])
        self._last = decision

    def take_back(self) -> None:
        """Forget the last one."""
        lines = self._lines()
        self._last = Decided(*json.loads(lines.pop())) if lines else None
        self._keep(lines)

    def _lines(self) -> list[str]:
        return zlib.decompress(self._earlier).decode().split("\n") if self._earlier else []

    def _keep(self, lines: list[str]) -> None:
        self._earlier = zlib.compress("\n".join(lines).encode(), 1) if lines else b""

    def __len__(self) -> int:
        return len(self._lines()) + (self._last is not None)

    def __bool__(self) -> bool:
        return self._last is not None  # asked after each event, so nothing is read for it

    def __iter__(self) -> Iterator[Decided]:
        for line in self._lines():
            yield Decided(*json.loads(line))
        if self._last:
            yield self._last

    @overload
    def __getitem__(self, index: int) -> Decided: ...

    @overload
    def __getitem__(self, index: slice) -> list[Decided]: ...

    def __getitem__(self, index: int | slice) -> Decided | list[Decided]:
        if index == -1 and self._last:
            return self._last
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it grows
