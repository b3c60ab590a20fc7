"""Decoded frames on disk."""

from __future__ import annotations

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.refdet.frame_store import FrameStore


def read(store: FrameStore, key: str) -> np.ndarray:
    picture = store.get(key)
    assert picture is not None
    return picture


PICTURE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_a_picture_comes_back_as_it_was(tmp_path: Path) -> None:
    store = FrameStore(1000, tmp_path)
    assert store.keep("a", PICTURE)
    assert store.keep("b", PICTURE[::-1, ::2])
    assert np.array_equal(read(store, "a"), PICTURE)
    assert np.array_equal(read(store, "b"), PICTURE[::-1, ::2])
    assert store.get("c") is None


def test_it_is_kept_up_to_the_bound(tmp_path: Path) -> None:
    store = FrameStore(50, tmp_path)
    assert [store.keep(key, PICTURE) for key in range(3)] == [True, True, False]
    assert store.bytes == 48
    assert store.keep(1, PICTURE), "it is there already"
    assert store.get(2) is None


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    """Its file has no name, so a process that is killed leaves none."""
    store = FrameStore(1000, tmp_path)
    store.keep("a", PICTURE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limit", [0, 1000])
def test_without_a_file_nothing_is_kept(limit: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    store = FrameStore(limit, tmp_path / "file" if limit else tmp_path)
    assert not store.room(1)
    assert not store.keep("a", PICTURE)
    assert store.get("a") is None


def test_a_full_disk_ends_the_keeping_but_not_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FrameStore(1000, tmp_path)
    store.keep("a", PICTURE)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert not store.keep("b", PICTURE)
    monkeypatch.undo()
    assert not store.keep("b", PICTURE), "others need the space"
    assert np.array_equal(read(store, "a"), PICTURE)


def test_threads_that_need_it_at_once_open_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two files one would lack what was written to the other."""
    opened: list[object] = []
    both_are_there = threading.Event()
    original = tempfile.TemporaryFile

    def opening(**arguments: Any) -> Any:
        opened.append(arguments)
        if len(opened) == 2:
            both_are_there.set()
        both_are_there.wait(0.3)
        return original(**arguments)

    monkeypatch.setattr(tempfile, "TemporaryFile", opening)
    store = FrameStore(1000, tmp_path)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(store.room, [1, 1])) == [True, True]
    assert len(opened) == 1
