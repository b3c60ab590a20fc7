"""What `steadytune check` and `launch` show of a sweep's data, and its files in the sweep's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainables.errors import SteadytuneError
from trainables.json_file import read_json
from trainables.look import Look, LookTable

TEXT, PICTURE = "look.json", "batch.jpg"


@dataclass(frozen=True)
class DataLook:
    """What is shown of the data.

    Attributes:
        look: tables and sentences.
        picture: JPEG of a training batch; empty if the recipe shows none.
    """

    look: Look = field(default_factory=Look)
    picture: bytes = b""

    def write(self, folder: Path) -> None:
        """Write `TEXT` and `PICTURE` into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TEXT).write_text(json.dumps(asdict(self.look), indent=1), encoding="utf-8")
        if self.picture:
            (folder / PICTURE).write_bytes(self.picture)


def read(folder: Path) -> DataLook | None:
    """What `DataLook.write` wrote; None if there is nothing, as in a sweep of an older version.

    Raises:
        SteadytuneError: a file was damaged.
    """
    file, picture = folder / TEXT, folder / PICTURE
    if not file.is_file():
        return None
    stored = read_json(file, "it is damaged, so delete it")
    try:
        tables = tuple(
            LookTable(table["title"], tuple(table["columns"]), tuple(map(tuple, table["rows"])), table["note"])
            for table in stored["tables"]
        )
        # An earlier version wrote no guesses.
        look = Look(tables, tuple(stored["warnings"]), tuple(stored["details"]), dict(stored.get("guesses", {})))
    except (KeyError, TypeError) as error:
        raise SteadytuneError(f"{file}: is damaged ({error}); delete it") from None
    return DataLook(look, picture.read_bytes() if picture.is_file() else b"")
