"""A checkpoint is in its place whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainables import checkpoint


def holding(text: str) -> Callable[[Path], None]:
    def save(directory: Path) -> None:
        (directory / "state.pt").write_text(text)

    return save


def test_it_lies_under_its_epoch(tmp_path: Path) -> None:
    path = checkpoint.write(tmp_path, 7, holding("seven"))
    assert path == tmp_path / "epoch-0007"
    assert checkpoint.found(tmp_path) == {7: path}
    assert checkpoint.size_bytes(path) == 5


def test_one_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    def fail(directory: Path) -> None:
        (directory / "state.pt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint.write(tmp_path, 1, fail)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "epoch-0003.partial").mkdir()
    (tmp_path / "notes").mkdir()
    assert checkpoint.found(tmp_path) == {}
    assert checkpoint.found(tmp_path / "missing") == {}


def test_writing_it_again_replaces_it(tmp_path: Path) -> None:
    for text in ("first", "second time"):
        checkpoint.write(tmp_path, 2, holding(text))
    assert (tmp_path / "epoch-0002/state.pt").read_text() == "second time"
