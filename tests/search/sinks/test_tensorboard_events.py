"""A sweep as TensorBoard reads it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import Journal
from search.sinks.tensorboard_events import TensorBoardEvents
from search.sweep.folder import SweepFolder
from tests.support.fakes import spec_of
from tests.support.terminal import Steadytune
from tests.support.workers import events


def test_tensorboard_finds_each_trial_with_its_curves_and_settings(steadytune: Steadytune, sweeps: Path) -> None:
    code, output, _ = steadytune("tensorboard", "sweep", "--sweeps", sweeps)
    folder = sweeps / "sweep" / "tensorboard"
    assert (code, output) == (0, f"{folder}: open it with `tensorboard --logdir {folder}`\n")
    journal = sweeps / "sweep" / "journal"
    for started in events(journal, TrialStarted):
        read = EventAccumulator(str(folder / f"{started.trial:04d}"))
        read.Reload()
        epochs = [event for event in events(journal, EpochDone) if event.trial == started.trial]
        scores = [(event.step, event.value) for event in read.Scalars("score")] if epochs else []
        assert scores == [(event.epoch, pytest.approx(event.metrics["score"])) for event in epochs]
        content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        settings = HParamsPluginData.FromString(content).session_start_info.hparams
        assert settings["quality"].number_value == pytest.approx(started.settings["quality"])
    assert steadytune("tensorboard", "sweep", "--sweeps", sweeps)[0] == 0, "written anew"


def test_only_trials_that_train_have_an_open_file(tmp_path: Path, data: Path) -> None:
    """Each has a thread of its own; a trial that is promoted gets another file, and all of them are read."""
    folder = SweepFolder.create(tmp_path, spec_of(data))
    journal = Journal(folder.journal)
    sink = TensorBoardEvents(folder, tmp_path / "events")
    threads = threading.active_count()

    def epoch(trial: int, number: int) -> EpochDone:
        return EpochDone(trial, number, "main", {"score": 0.1 * number}, {"train": 1.0}, {}, {"train": 1.0})

    for trial in range(5):
        journal.append(TrialStarted(trial, "search", trial, "", trial, {}, {"epochs": 4}))
        journal.append(epoch(trial, 1))
        journal.append(Decided(trial, 1, "pause" if trial else "continue", "rung", "", {"rung": 1}))
    journal.flush()
    sink.update()
    assert threading.active_count() == threads + 1
    journal.append(Decided(1, 1, "continue", "rung", "", {"rung": 1}))
    journal.append(epoch(1, 2))
    journal.append(Decided(1, 2, "stop", "done", ""))
    journal.flush()
    sink.update()
    assert threading.active_count() == threads + 1
    sink.close()
    read = EventAccumulator(str(tmp_path / "events" / "0001"))
    read.Reload()
    assert [event.step for event in read.Scalars("score")] == [1, 2]


def test_a_folder_of_others_is_left_alone(steadytune: Steadytune, sweeps: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    code, _, error = steadytune("tensorboard", "sweep", "--to", tmp_path / "mine", "--sweeps", sweeps)
    assert (code, "mine: cannot be written (holds something else); give another with --to" in error) == (2, True)
