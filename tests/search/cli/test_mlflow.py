"""What `sync` says of a winner that was not registered as a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.state.follower import SweepFollower
from search.state.outcome import best_first
from search.sweep.folder import SweepFolder
from tests.support.terminal import Steadytune


def test_an_export_is_advised_only_where_it_would_have_a_checkpoint(
    steadytune: Steadytune, sweeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.tracking.sync.sync", lambda folder, ended, notify: True)
    folder = SweepFolder(sweeps, "sweep")
    state = SweepFollower(folder).read()
    assert state.ended is not None
    winner = state.ended.trial
    printed = steadytune("sync", "sweep", "--sweeps", sweeps)[1]
    assert printed.endswith(f"so its model was not registered; none of trial {winner} was kept\n")
    trial, epoch, _ = best_first([state.trials[winner]])[0]
    checkpoint = folder.checkpoint(trial.number, epoch)
    checkpoint.mkdir(parents=True)
    (checkpoint / "state.json").write_text(json.dumps({"epoch": epoch}))
    printed = steadytune("sync", "sweep", "--sweeps", sweeps)[1]
    assert printed.endswith(f"so its model was not registered; write it with {folder.command('export')}, then sync\n")
    assert steadytune("export", "sweep", "--sweeps", sweeps)[0] == 0
    assert steadytune("sync", "sweep", "--sweeps", sweeps)[1].count("\n") == 1
