"""What users ask of a sweep by hand, as files in its folder: `requests/ID.json`.

Any process that can write to the folder may ask. Each file appears whole. The sweep's driver reads them in the order in
which they were written, journals its answer and its consequences in one step, and then removes the file. If a killed
driver has left a file behind, the next one finds its id in the journal, so it does not answer twice.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from search.journal.events import Verb
from trainables.atomic import write_file

_READ_AGAIN_SECONDS = 0.5
"""An empty folder is listed again only after this time: on a network that takes milliseconds, and Ray's loop asks ten
times a second."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        verb: what is asked for.
        trial: which trial it is about; None for the whole sweep.
        values: for "add", settings by name.
        id: identifies the request; ids sort by the time of the request.
    """

    verb: Verb
    trial: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"{time.time_ns():020d}-{secrets.token_hex(4)}")

    def dump(self) -> str:
        """As the file holds it."""
        return json.dumps({"verb": self.verb, "trial": self.trial, "values": dict(self.values)})


class RequestBox:
    """The requests of one sweep that have not been answered yet.

    Args:
        folder: holds their files; it is made with the first request.
        listed_every: seconds for which `pending` does not list the folder again after it was empty.
    """

    def __init__(self, folder: Path, listed_every: float = _READ_AGAIN_SECONDS) -> None:
        self._folder = folder
        self._listed_every = listed_every
        self._listed = -listed_every

    def put(self, request: Request) -> None:
        """Leave a request for the sweep's driver."""
        self._folder.mkdir(exist_ok=True)
        write_file(self._path(request.id), request.dump(), durable=True)

    def pending(self) -> list[Request]:
        """The requests, oldest first. A file that is not a valid request is renamed `*.unreadable`."""
        if time.monotonic() - self._listed < self._listed_every:
            return []
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if entry.name.endswith(".json"))
        except FileNotFoundError:
            names = []
        requests = [request for name in names if (request := self._read(self._folder / name))]
        if not requests:
            self._listed = time.monotonic()
        return requests

    def remove(self, request: Request) -> None:
        """Take away a request that was answered."""
        self._path(request.id).unlink(missing_ok=True)

    def __contains__(self, request: Request) -> bool:
        """Whether `request` has not been answered yet."""
        return self._path(request.id).exists()

    def _path(self, request_id: str) -> Path:
        return self._folder / f"{request_id}.json"

    def _read(self, path: Path) -> Request | None:
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            verb, trial, values = fields["verb"], fields["trial"], fields["values"]
        except FileNotFoundError:  # withdrawn since it was listed
            return None
        except (ValueError, KeyError, TypeError):
            verb, trial, values = "", None, {}
        is_trial = trial is None or (isinstance(trial, int) and not isinstance(trial, bool))
        if verb not in get_args(Verb) or not is_trial or not isinstance(values, dict):
            path.rename(path.with_suffix(".unreadable"))
            return None
        return Request(verb, trial, values, path.stem)
