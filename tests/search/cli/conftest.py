from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def places(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the capital words in command lines stand for; the working folder is a new one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.yaml").touch()
    (tmp_path / "folder").mkdir()
    return {"DATA": str(data), "FILE": "file.yaml", "FOLDER": "folder", "OUT": "out", "SWEEPS": "none"}
