from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)
if HERE not in sys.path:  # sweeps find the fake recipes by name: `fakes:Curves`
    sys.path.insert(0, HERE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The sample data set of the fake recipes, in a folder with a space and an accent in its name."""
    folder = tmp_path / "my données"
    folder.mkdir()
    (folder / "data.txt").write_text("1\n")
    return folder
