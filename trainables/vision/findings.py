"""What a data set's reader repaired or left out: nothing about the data is changed without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that a reader repaired or left out.

    Attributes:
        kind: the same few words for each finding of the kind, such as "equal labels removed".
        file: the file it is about.
        detail: what was found there, with the line where there is one.
        count: of how many things in the file it tells, such as boxes.
    """

    kind: str
    file: Path
    detail: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.file}: {self.detail}"


class Findings:
    """The findings of one data set, in the order in which they were made."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []

    def add(self, kind: str, file: Path, detail: str, count: int = 1) -> None:
        """Note that something of `kind` was found in `file`."""
        self._findings.append(Finding(kind, file, detail, count))

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note what another reader found."""
        self._findings.extend(findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)


def lines(findings: Iterable[Finding], verbose: bool = False) -> Iterator[str]:
    """How many findings there are of each kind, the most frequent first; if `verbose` each finding below its kind."""
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.kind, []).append(finding)
    for kind, members in sorted(kinds.items(), key=lambda item: -len(item[1])):
        yield f"  {len(members):,} {kind}"
        yield from (f"    {finding}" for finding in members if verbose)
