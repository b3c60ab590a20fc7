"""One training of a script: started, read epoch by epoch, and ended."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainables.command import checkpoints
from trainables.command.arguments import Run, command_line, placeholder_values, quoted, write_arguments_file
from trainables.command.checkpoints import RunState
from trainables.command.declaration import Declaration
from trainables.command.failure import exit_error
from trainables.command.placeholders import filled
from trainables.command.process import Script, environment
from trainables.command.values import parted, with_alarm
from trainables.errors import CheckpointError, DataError
from trainables.logs.epochs import EpochRows, LoggedEpoch
from trainables.logs.readers import Reader, completed, reader
from trainables.logs.store_readers import MLFLOW_FILE
from trainables.objective import Objective
from trainables.recipe import Epoch, no_checkpoint

FASTEST, SLOWEST = 0.05, 1.0
"""Seconds between two looks at what the script wrote: a hundredth of an epoch, within these bounds."""


@dataclass
class ScriptTraining:
    """A training of a script with `settings`.

    Attributes:
        declaration: what the sweep file says.
        settings: of the training.
        data: its data set; "" if it has none.
        workdir: the trial's folder; the script writes to `run` in it, and its output goes to `log.txt`.
        directory: the working directory.
    """

    declaration: Declaration
    settings: Mapping[str, Any]
    data: str
    workdir: Path
    directory: Path
    _script: Script | None = field(default=None, init=False)
    _row_times: dict[int, int] = field(default_factory=dict, init=False)
    _saves_first: bool | None = field(default=None, init=False)
    _restored: int = field(default=0, init=False)
    _resumed: int = field(default=0, init=False)
    _pause: float = field(default=FASTEST, init=False)
    _remark: str = field(default="", init=False)
    _said: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.run_dir = self.workdir / "run"
        self.log = self.workdir / "log.txt"
        self._objective: Objective = completed(self.declaration.metric)
        source = self._objective.source
        assert source is not None
        objective = self._objective
        plain = [*objective.losses, *objective.held_out_losses, *objective.rates]
        self._rows = EpochRows(objective.parts, [name for name in plain if not name.endswith("*")], source)

    def epochs(self, resume: Path | None) -> Generator[Epoch, None, None]:
        """Train to the end, or from the checkpoint `resume`; the script is ended when the iterator is closed.

        Raises:
            SteadytuneError: the script failed, or what it wrote cannot be read; see `exit_error`.
        """
        checkpoint = self._prepare(resume)
        run = Run(self.run_dir, self.data, self.directory, checkpoint)
        write_arguments_file(self.declaration, self.settings, run)
        line = command_line(self.declaration, self.settings, run)
        log = f"$ {quoted(line)}\n".encode()
        with self.log.open("ab") as file:
            file.write(log)
            start = file.tell()
        self._reader = self._new_reader(run, start)
        if resume is not None:
            self._reader.skip()
        self._log_start, self._started = start, time.time_ns()
        self._script = Script(line, self.directory, self._environment(run), self.log, self.declaration.stop)
        try:
            yield from self._read()
        finally:
            self._script.end()

    def _prepare(self, resume: Path | None) -> Path | None:
        """Make the run's folder as the script is to find it; returns the script's checkpoint to go on from."""
        if resume is None:
            shutil.rmtree(self.run_dir, ignore_errors=True)
            self.run_dir.mkdir(parents=True)
            return None
        state = checkpoints.read_state(resume, self.settings)
        pattern = self._pattern()
        logs = self._new_reader(Run(self.run_dir, self.data, self.directory), 0).files
        checkpoint = checkpoints.put_back(resume, state, self.run_dir, pattern, logs)
        rows = self._rows
        rows.seen, rows.first, rows.resumed, rows.last = dict(state.seen), state.first, True, state.epoch
        self._restored, self._resumed = rows.newest if checkpoint else 0, state.epoch
        if checkpoint is None:
            self._say(f"it went on after epoch {state.epoch} by a new start: it had written no checkpoint by then")
        return checkpoint

    def _pattern(self) -> str:
        assert self.declaration.checkpoint is not None
        values = placeholder_values(self.declaration, self.settings, Run(self.run_dir, self.data, self.directory))
        return str(Path(filled(self.declaration.checkpoint.path, values)).relative_to(self.run_dir))

    def _new_reader(self, run: Run, start: int) -> Reader:
        source = self._objective.source
        assert source is not None
        values = placeholder_values(self.declaration, self.settings, run)
        path = self.directory / filled(source.where, values) if source.where else self.run_dir
        return reader(self._objective, path, self.log, start)

    def _environment(self, run: Run) -> dict[str, str]:
        settings = self.settings
        variables = environment(self.run_dir, settings["epochs"], settings["seed"], self.data, run.checkpoint)
        source = self._objective.source
        if source is not None and source.mlflow is not None:
            variables["MLFLOW_TRACKING_URI"] = f"sqlite:///{self.run_dir / MLFLOW_FILE}"
        return variables

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self) -> Iterator[Epoch]:
        """Epochs as they come, until the script has ended or the last one is there."""
        assert self._script is not None
        planned, before = int(self.settings["epochs"]), time.monotonic()
        nonfinite = 0
        while True:
            ended = self._script.poll() is not None  # before reading: what it wrote is then complete
            self._pump(ended)
            for logged in self._rows.ready():
                if logged.epoch >= planned:
                    self._await_end()
                    ended = True
                now = time.monotonic()
                self._pause = min(SLOWEST, max(FASTEST, (now - before) / 100))
                epoch = self._epoch(logged, now - before)
                before = now
                value = epoch.metrics.get(self._objective.name)
                nonfinite = nonfinite + 1 if value is not None and not math.isfinite(value) else 0
                yield with_alarm(epoch, self._objective, nonfinite)
                if logged.epoch >= planned:
                    return
            if ended:
                self._check_end(planned)
                return
            self._script.wait(self._pause)

    def _pump(self, ended: bool) -> None:
        """Take in what the script has written."""
        newest = self._rows.newest
        self._rows.add(self._reader.read(ended))
        if ended:
            self._rows.finish()
        if self._rows.newest > newest:
            files = self._reader.files
            now = max((path.stat().st_mtime_ns for path in files if path.exists()), default=time.time_ns())
            for epoch in range(newest + 1, self._rows.newest + 1):
                self._row_times[epoch] = now
            self._learn_order(newest, now)
        if self._rows.began_again:
            self._say(f"this script began again at epoch 1 rather than after epoch {self._resumed}: does it resume?")
        if self._rows.difference:
            self._say(f"this script does not resume exactly: {self._rows.difference}")
        if self._rows.too_late:
            self._say(f"{self._rows.too_late} came too late and does not count; say `late: 1` in metric.source")

    def _learn_order(self, newest: int, now: int) -> None:
        """Whether the script writes an epoch's checkpoint before its row; known by the first row after its start."""
        if self._saves_first is None and self.declaration.checkpoint is not None:
            path = checkpoints.newest(self.run_dir, self._pattern())
            saved = checkpoints.written(path) if path else 0
            self._saves_first = self._started < saved < now and newest < self._rows.newest

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._remark = self._remark or sentence
            print(sentence, file=sys.stderr)

    def _await_end(self) -> None:
        """Let the script end by itself after its last epoch: it may have a model to write."""
        assert self._script is not None
        seconds = self.declaration.stop.finish_seconds
        code = self._script.wait(seconds)
        if code is None:
            print(f"it ran on for {seconds:g} s after its last epoch, and was ended", file=sys.stderr)
        else:
            self._pump(ended=True)
            self._check_code(code)

    def _check_end(self, planned: int) -> None:
        """Whether a script that has ended may have.

        Raises:
            SteadytuneError: it failed, or has trained too few epochs.
        """
        assert self._script is not None
        self._check_code(self._script.poll() or 0)
        if self._rows.last >= planned or (self.declaration.ends_early and self._rows.last):
            return
        if not self._rows.last:
            raise DataError(f"the script ended with exit code 0, but no epoch was read: {self._reader.state()}")
        raise DataError(
            f"the script ended with exit code 0 after epoch {self._rows.last} of {planned}; if it may end early, say "
            "`ends_early: true`; if it counts epochs from 0, `first: 0` in metric.source"
        )

    def _check_code(self, code: int) -> None:
        if code:
            raise exit_error(code, self._rows.last, self.log, self._log_start)

    def _epoch(self, logged: LoggedEpoch, seconds: float) -> Epoch:
        parts = parted(self._objective, logged.values)
        remark, self._remark = self._remark, ""
        return Epoch(
            epoch=logged.epoch,
            phase="main",
            metrics=parts.metrics,
            losses=parts.losses,
            rates=parts.rates,
            seconds={"train": seconds},
            save=self._saver(logged.epoch) if self.declaration.checkpoint else no_checkpoint,
            remark=remark,
        )

    # --- checkpoints -----------------------------------------------------------------------------------------------

    def _saver(self, epoch: int) -> Any:
        return lambda directory: self.save(epoch, directory)

    def save(self, epoch: int, directory: Path) -> None:
        """Keep the script's checkpoint of `epoch`, or the next that it writes, with all that was read by then.

        Raises:
            CheckpointError: the script writes none.
        """
        path = self._await_checkpoint(epoch)
        name, written = "", 0
        if path is not None:
            written = checkpoints.copy_whole(path, directory / checkpoints.COPY / path.name, self._wait)
            name = str(path.relative_to(self.run_dir))
            # A script that saves before it writes the row may have been copied between the two.
            while self._saves_first and written > self._row_time(self._rows.newest) and not self._over:
                self._wait(self._pause)
        rows = self._rows
        logs = checkpoints.copy_logs(self._reader.files, self.run_dir, directory)
        state = RunState(epoch, dict(self.settings), rows.seen, rows.first, name, written, logs)
        checkpoints.write_state(directory, state)

    @property
    def _over(self) -> bool:
        return self._script is None or self._script.poll() is not None

    def _row_time(self, epoch: int) -> int:
        return self._row_times.get(epoch, self._started)

    def _wait(self, seconds: float) -> None:
        """Wait a moment, and take in what the script writes meanwhile."""
        assert self._script is not None
        ended = self._script.wait(seconds) is not None
        self._pump(ended)

    def _await_checkpoint(self, epoch: int) -> Path | None:
        """The checkpoint of `epoch`: of the script's checkpoints the newest, once there is one that can be of it."""
        assert self.declaration.checkpoint is not None
        every, pattern = self.declaration.checkpoint.every, self._pattern()
        while True:
            ended = self._over
            path = checkpoints.newest(self.run_dir, pattern)
            if path is not None and self._is_of(epoch, checkpoints.written(path)):
                return path
            if ended or epoch % every or self._rows.newest > epoch:
                break
            self._wait(self._pause)
        if path is None and self._rows.newest >= every and (ended or self._rows.newest > every):
            raise CheckpointError(
                f"checkpoint.path is {self.declaration.checkpoint.path}; the script wrote no such file by epoch "
                f"{self._rows.newest}; correct it, or leave `checkpoint` out"
            )
        return path

    def _is_of(self, epoch: int, written: int) -> bool:
        if written <= self._started:  # it was put back
            return epoch <= self._restored
        if written >= self._row_time(epoch):
            return True
        return bool(self._saves_first) and written > self._row_time(epoch - 1)
