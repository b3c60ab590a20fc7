"""The folder of data sets that are made of others, where there may be no place for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainables.errors import DataError
from trainables.ultralytics.derived import derived_folder


def fill(folder: Path) -> None:
    (folder / "a.txt").write_text("filled")


def test_it_is_filled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYTUNE_CACHE", str(tmp_path / "cache"))
    assert derived_folder("pets", fill) == tmp_path / "cache/pets"
    (tmp_path / "cache/pets/a.txt").write_text("as it was")
    assert (derived_folder("pets", fill) / "a.txt").read_text() == "as it was"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEADYTUNE_CACHE", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(DataError, match=r"has no home folder .*; set STEADYTUNE_CACHE"):
        derived_folder("pets", fill)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STEADYTUNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"file/pets: cannot be written \(.*\); set STEADYTUNE_CACHE to another folder"):
        derived_folder("pets", fill)
