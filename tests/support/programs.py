"""Programs that some tests need and pip does not install: what each is for, and which Debian packages bring it.

`python3 -m tests.support.programs` prints the packages that are missing here; it needs nothing but Python itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

INSTALL = "apt-get install --no-install-recommends"


@dataclass(frozen=True)
class Program:
    """One of them.

    Attributes:
        name: as its makers call it.
        purpose: what the tests do with it.
        packages: Debian's, all of them.
        commands: what has to be there; of each, the names that it may have.
        folders: glob of folders outside of PATH that it may lie in.
    """

    name: str
    purpose: str
    packages: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    folders: str = ""

    @property
    def path(self) -> Path | None:
        """Its first command; None if one is missing."""
        paths = [self._which(names) for names in self.commands]
        return None if None in paths else paths[0]

    def _which(self, names: Iterable[str]) -> Path | None:
        folders = sorted(Path("/").glob(self.folders), reverse=True) if self.folders else []  # newest version first
        # Folders before PATH, which may hold links to some of a program's commands and not to their neighbours.
        paths = [
            shutil.which(name, path=str(folder) if folder else None) for name in names for folder in (*folders, None)
        ]
        return next((Path(path) for path in paths if path), None)

    @property
    def reason(self) -> str:
        """Why a test that needs it is skipped."""
        return f"{self.name} is not installed ({self.purpose})"

    def require(self) -> Path:
        """Its first command; the test is skipped if there is none."""
        import pytest

        return self.path or pytest.skip(self.reason)


CHROMIUM = Program(
    "Chromium",
    "pages as a browser shows them",
    ("chromium",),
    (("chromium", "chromium-browser", "google-chrome"),),
)
POSTGRESQL = Program(
    "PostgreSQL",
    "a team's MLflow server",
    ("postgresql",),
    (("initdb",), ("postgres",), ("createdb",)),
    "usr/lib/postgresql/*/bin",
)
CEPH = Program(
    "Ceph",
    "sweeps on an S3 server",
    ("ceph-mon", "ceph-osd", "radosgw"),
    tuple((name,) for name in ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "monmaptool")),
)
DOCKER_COMPOSE = Program(
    "docker-compose", "the check of mlflow/compose.yaml", ("docker-compose",), (("docker-compose",),)
)
IPROUTE = Program("iproute2", "which ports other machines reach", ("iproute2",), (("ip",),))

PROGRAMS = (CHROMIUM, POSTGRESQL, CEPH, DOCKER_COMPOSE, IPROUTE)


def packages(programs: Iterable[Program]) -> str:
    """Their packages, as `apt-get install` takes them."""
    return " ".join(package for program in programs for package in program.packages)


if __name__ == "__main__":
    print(packages(program for program in PROGRAMS if program.path is None))
