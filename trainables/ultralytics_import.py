"""Keeps libraries from writing outside a training's folder and from reaching for the network when they are imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


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
