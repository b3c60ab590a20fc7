"""What a launch that cannot run leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.journal.events import EpochDone, Event, SweepOpened, TrialStarted
from search.journal.segments import Journal
from search.run import sweep_run
from tests.support.fakes import plan_of
from trainables.errors import SteadytuneError

STARTED = (SweepOpened(1), TrialStarted(0, "search", 0, "", 0, {}, {"epochs": 4}))
EPOCH = EpochDone(0, 1, "main", {"score": 0.5}, {"train": 1.0}, {}, {"train": 60.0})


@pytest.mark.parametrize(("events", "stays"), [(STARTED, False), ((*STARTED, EPOCH), True)])
def test_a_sweep_that_is_halted_keeps_the_epochs_that_other_machines_trained(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: tuple[Event, ...], stays: bool
) -> None:
    """There, no log of a trial is in the driver's folder."""

    def halted(run: Any) -> None:
        journal = Journal(run.folder.journal)
        for event in events:
            journal.append(event)
        journal.flush()
        raise SteadytuneError("the disk of a node is full")

    monkeypatch.setattr(sweep_run._SweepRun, "run", halted)
    with pytest.raises(SteadytuneError, match="the disk of a node is full"):
        sweep_run.launch(plan_of(data), tmp_path / "sweeps", lambda row, state: None)
    assert (tmp_path / "sweeps" / "sweep").is_dir() == stays
