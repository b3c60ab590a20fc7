"""Reading a sweep while others work on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.journal import block_reader
from search.state import follower
from search.state.follower import SweepFollower
from search.sweep.folder import SweepFolder
from trainables.errors import SteadytuneError

GONE = "^sweep sweep was deleted or renamed while it was read: .*/sweeps/sweep is gone$"


def test_a_sweep_that_is_deleted_while_it_is_followed_ends_that(sweeps: Path) -> None:
    folder = SweepFolder(sweeps, "sweep")
    followed = SweepFollower(folder)
    assert followed.read().trials
    folder.remove()
    with pytest.raises(SteadytuneError, match=GONE):
        followed.read()


def test_a_sweep_that_is_deleted_while_its_journal_is_read_ends_that(
    sweeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SweepFolder(sweeps, "sweep")

    def deleted_then_read(*arguments: Any) -> Any:
        folder.remove()
        return block_reader.read_blocks(*arguments)

    monkeypatch.setattr(follower, "read_blocks", deleted_then_read)
    with pytest.raises(SteadytuneError, match=GONE):
        SweepFollower(folder).read()
