"""Keeps MLflow up to date with a sweep's journal, in a process of its own: trials never wait for MLflow.

The driver holds the other end of this process' standard input. When that closes, because the sweep has ended or the
driver was killed, the process writes the rest of the journal and ends.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from search.sweep.environment import python_path
from search.sweep.folder import SweepFolder
from search.tracking.sync import ENVIRONMENT, GIVE_UP_SECONDS, READY, Notify, sync
from trainables.errors import SteadytuneError, first_line

NOTICE_SECONDS = 5.0
"""After this time `finish` tells the user what it is waiting for."""
FAILED = "failed: "
"""Begins the message of a recorder that cannot open the store."""


class Recorder(AbstractContextManager["Recorder"]):
    """The recording process. The end of a `with` block tells it that the journal has ended; `finish` waits for it.

    Args:
        folder: the sweep's folder.
        notify: gets the process' messages: that the store does not answer, that it is back.
        command: starts the process; by default `python -m search.tracking.recorder`.
    """

    def __init__(
        self, folder: SweepFolder, notify: Notify = lambda message: None, command: Sequence[str] | None = None
    ) -> None:
        self._folder = folder
        self._notify = notify
        default = [sys.executable, "-m", "search.tracking.recorder", str(folder.root), folder.name]
        self._command = list(command or default)
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Recorder:
        with (self._folder.path / "recorder.log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # Ctrl-C is for the driver
                env=os.environ | ENVIRONMENT | {"PYTHONPATH": python_path()},
            )
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def finish(self) -> bool:
        """Wait until the process has written the rest; returns whether MLflow has everything that the journal has."""
        try:
            return self._process.wait(NOTICE_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self._notify("MLflow is being brought up to date, which may take a minute or two ...")
        try:
            return self._process.wait(2 * GIVE_UP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            return False

    def watch(self, on_failure: Callable[[Exception], None]) -> None:
        """Call `on_failure` if the store cannot be opened. The workers start meanwhile: opening takes seconds.

        A recorder that was killed does not stop the trials: `finish` reports that rows are missing.
        """

        def wait() -> None:
            assert self._process.stdout is not None
            has_spoken = False
            with self._process.stdout as messages:
                for line in map(str.strip, messages):
                    has_spoken = True
                    if line.startswith(FAILED):
                        on_failure(SteadytuneError(line.removeprefix(FAILED)))
                    elif line != READY:
                        self._notify(line)
            if not has_spoken and self._process.wait() >= 0:  # below 0 if killed by a signal
                log = self._folder.path / "recorder.log"
                on_failure(SteadytuneError(f"the recorder of MLflow's runs did not start; see {log}"))

        self._watcher = threading.Thread(target=wait, name="recorder-watch", daemon=True)
        self._watcher.start()

    def join(self, seconds: float) -> None:
        """Wait until the process' messages have been handled, at most `seconds`."""
        if self._watcher:
            self._watcher.join(seconds)


def main() -> None:
    """`python -m search.tracking.recorder ROOT NAME`: follows the journal until its standard input closes."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(19)  # trials come first (Ray runs them at 15): recording may lag
    folder = SweepFolder(Path(sys.argv[1]), sys.argv[2])
    try:
        # The recorder of a driver that was killed may still be writing: wait until it has ended.
        with folder.locked("recorder.lock", wait_seconds=GIVE_UP_SECONDS):
            complete = sync(folder, _input_closed, _tell_driver)
    except SteadytuneError as error:
        _tell_driver(f"{FAILED}{error}")
        raise
    except Exception as error:
        _tell_driver(f"{FAILED}the MLflow store cannot be opened ({type(error).__name__}: {first_line(error)})")
        raise
    sys.exit(0 if complete else 1)


def _tell_driver(message: str) -> None:
    with suppress(OSError):  # the driver may have been killed
        os.write(sys.stdout.fileno(), f"{message}\n".encode(errors="backslashreplace"))


def _input_closed() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    main()
