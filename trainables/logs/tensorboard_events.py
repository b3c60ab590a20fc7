"""TensorBoard's event files, read while a script writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainables.errors import SettingsError
from trainables.logs.epochs import LogRow
from trainables.logs.text_file import printable

try:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray
except ImportError:
    raise SettingsError("metric.source.tensorboard: needs the package tensorboard; `pip install tensorboard`") from None


class TensorboardReader:
    """The scalars in all event files below a folder; their steps count the epochs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaders: dict[Path, Any] = {}
        self._tags: set[str] = set()

    files: list[Path] = []  # noqa: RUF012  # each script writes files of its own

    def skip(self) -> None:
        """Leave out what an earlier script of this run wrote."""
        self.read(final=False)

    def state(self) -> str:
        """The tags that were found."""
        if self._tags:
            return f"the events have the tags {', '.join(sorted(self._tags))}"
        return f"{printable(self._folder)} has {len(self._loaders)} event files and no scalar"

    def read(self, final: bool) -> list[LogRow]:
        """See `trainables.logs.readers.Reader`."""
        rows = []
        for path in sorted(self._folder.rglob("*tfevents*")):
            if path not in self._loaders:
                self._loaders[path] = EventFileLoader(str(path))
            for event in self._loaders[path].Load():
                for value in event.summary.value:
                    scalar = _scalar(value)
                    if scalar is not None:
                        self._tags.add(value.tag)
                        rows.append(LogRow(float(event.step), {value.tag: scalar}))
        return rows


def _scalar(value: Any) -> float | None:
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if value.HasField("tensor") and value.metadata.plugin_data.plugin_name in ("scalars", ""):
        array = make_ndarray(value.tensor)
        return float(array.reshape(-1)[0]) if array.size == 1 else None
    return None
