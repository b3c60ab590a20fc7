from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "night").mkdir(parents=True)
    for name in ("a.png", "b.png", "night/a.png"):
        Image.new("RGB", (64, 32), "grey").save(folder / name)
    return folder
