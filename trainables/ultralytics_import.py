"""Keeps libraries from writing outside a training's folder and from reaching for the network when they are imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from trainables.errors import DataError
from trainables.json_file import read_json


@contextmanager
def isolated(workdir: Path | None = None) -> Iterator[None]:
    """Import Ultralytics inside this block: its settings then go under `workdir`, and it looks nothing up.

    It reads these variables once, on import, so they are put back afterwards. Without `workdir`, what it writes goes
    into a folder that the block's end deletes.
    """
    if workdir is None:
        with TemporaryDirectory() as folder, isolated(Path(folder)):
            yield
        return
    variables = {
        "YOLO_OFFLINE": "true",
        "YOLO_CONFIG_DIR": str(workdir),
        "YOLO_AUTOINSTALL": "false",
        "YOLO_VERBOSE": "false",
        "MPLCONFIGDIR": str(workdir),
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def user_folder(name: str) -> Path | None:
    """`datasets_dir` or `weights_dir` of this user's Ultralytics settings, if they have been set up."""
    config = os.environ.get("YOLO_CONFIG_DIR") or os.environ.get("XDG_CONFIG_HOME")
    folder = Path(config) if config else Path(os.environ.get("HOME", "/")) / ".config"
    try:
        return Path(read_json(folder / "Ultralytics" / "settings.json", "Ultralytics writes it anew")[name])
    except (DataError, KeyError, TypeError):
        return None
