"""A file of what a long bench has measured: a line of JSON a part, so that a later call goes on where one ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Parts:
    """The parts of one set-up; those of others may stand in the same file.

    A part has a kind, the arm that was measured, and its seed.
    """

    def __init__(self, file: Path, setup: Mapping[str, Any]) -> None:
        self._file, self.setup = file, dict(setup)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """All of this kind, in the order in which they were measured."""
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        rows = (json.loads(line) for line in lines)
        return [row for row in rows if row["kind"] == kind and row["setup"] == self.setup]

    def row(self, kind: str, arm: str, seed: int) -> dict[str, Any] | None:
        """One part, if it was measured."""
        return next((row for row in self.rows(kind) if (row["arm"], row["seed"]) == (arm, seed)), None)

    def add(self, kind: str, arm: str, seed: int, **values: Any) -> None:
        """Append a part."""
        row = {"kind": kind, "arm": arm, "seed": seed, **values, "setup": self.setup}
        with self._file.open("a") as appended:
            appended.write(json.dumps(row) + "\n")
