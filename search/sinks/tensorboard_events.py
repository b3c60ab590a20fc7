"""A sweep as TensorBoard's event files: a folder for each trial, its epochs as steps, its settings as hparams."""

from __future__ import annotations

from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.sinks.epoch_values import epoch_values
from search.sinks.new_folder import new_folder
from search.sweep.folder import SweepFolder


class TensorBoardEvents:
    """Writes a sweep's trials, confirmations and audits too, to new event files.

    Args:
        folder: the sweep's.
        target: replaced if an earlier one wrote it.

    Raises:
        FileExistsError: something else is there.
        OSError: it cannot be written.
    """

    def __init__(self, folder: SweepFolder, target: Path) -> None:
        new_folder(target)
        self._journal, self._target = folder.journal, target
        self._seq = 0
        self._writers: dict[int, EventFileWriter] = {}

    def update(self) -> None:
        """Write what the journal has since the last call."""
        for row in read(self._journal, after=self._seq) if self._journal.is_dir() else ():
            self._seq, event = row.seq, row.event
            if isinstance(event, TrialStarted):
                settings = {name: _plain(value) for name, value in event.settings.items()}
                self._add(event.trial, row.time, 0, hparams_pb(settings, trial_id=f"{event.trial:04d}"))
            elif isinstance(event, EpochDone):
                values = [Summary.Value(tag=tag, simple_value=value) for tag, value in epoch_values(event).items()]
                summary = Summary(value=values)
                self._add(event.trial, row.time, event.epoch, summary)
            elif isinstance(event, Decided) and event.action != "continue" and event.trial in self._writers:
                self._writers.pop(event.trial).close()
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()

    def _add(self, trial: int, time: float, step: int, summary: Summary) -> None:
        """Write to the trial's file: a new one for one that trains on, as each open file has a thread of its own."""
        if trial not in self._writers:
            self._writers[trial] = EventFileWriter(str(self._target / f"{trial:04d}"))
        self._writers[trial].add_event(Event(wall_time=time, step=step, summary=summary))


def _plain(value: object) -> bool | float | str:
    """A setting as hparams take it: a number, a truth value or text."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
