"""What a run of the tests skipped, why, and how to install what is missing.

Several runs can be added up: each appends to the file that the environment variable `SKIPPED` names, and
`python -m tests.support.skipped FILE` shows them together.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.programs import INSTALL, PROGRAMS, packages

VARIABLE = "SKIPPED"


def count(reports: Iterable[pytest.TestReport]) -> Counter[str]:
    """How many tests were skipped for each reason."""
    return Counter(_reason(report) for report in reports)


def _reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, (tuple, list)) else str(report.longrepr)
    return reason.removeprefix("Skipped: ").partition("\n")[0]


def remember(reasons: Counter[str]) -> None:
    """Append them to the file that collects those of several runs, if one is named."""
    if path := os.environ.get(VARIABLE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(reasons) + "\n")


def lines(reasons: Counter[str]) -> Iterator[str]:
    """One line per reason, and the command that installs what is missing, if anything is."""
    for reason, number in reasons.most_common():
        yield f"{number} skipped: {reason}"
    missing = [program for program in PROGRAMS if program.reason in reasons]
    if missing:
        yield f"To run them: {INSTALL} {packages(missing)}"


def main() -> None:
    """Show what several runs wrote into a file."""
    path = Path(sys.argv[1])
    runs = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    total = sum((Counter(json.loads(run)) for run in runs), Counter[str]())
    print("\n".join(lines(total)) or "No test was skipped.")


if __name__ == "__main__":
    main()
