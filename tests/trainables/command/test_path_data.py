"""By what the data of a script are known again, which only the script looks into."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainables.command.declared import PathData


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pets/train/cats").mkdir(parents=True)
    (tmp_path / "pets/train/cats/a.jpg").write_bytes(b"meow")
    return tmp_path / "pets"


@pytest.mark.parametrize(
    "name",
    [
        "train.cache",  # Ultralytics
        "train/cache-0f3a9c1b.arrow",  # Hugging Face's datasets
        "train/data.lock",
        "train/.DS_Store",
        ".ipynb_checkpoints/a.jpg",
        "scripts/__pycache__/read.cpython-311.pyc",
    ],
)
def test_what_tools_write_beside_data_changes_none(name: str, folder: Path) -> None:
    before = PathData.of(folder).fingerprint
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"written while a trial trained")
    assert PathData.of(folder).fingerprint == before


@pytest.mark.parametrize("name", ["train/cats/b.jpg", "train/cache/a.jpg", "labels.csv", "train/data-00000.arrow"])
def test_a_further_file_is_other_data(name: str, folder: Path) -> None:
    before = PathData.of(folder).fingerprint
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"new")
    assert PathData.of(folder).fingerprint != before
