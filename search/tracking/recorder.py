"""Keeps MLflow up to date with a sweep's journal, in a process of its own: trials never wait for MLflow.

The driver holds the other end of this process' standard input. When that closes, because the sweep ended or because
the driver was killed, what is left of the journal is written and the process ends.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path

from search.journal.events import EpochDone, Row, SweepEnded
from search.journal.segments import read
from search.sweep.environment import python_path
from search.sweep.folder import SweepFolder
from trainables.errors import SteadytuneError, first_line

POLL_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
"""Between two tries while the store is away; the first comes after a second, each later one after twice as long."""
BATCH_ROWS = 2000
"""Rows written at a time, so that a long journal does not lie in memory whole."""
GIVE_UP_SECONDS = 60.0
SOON_SECONDS = 5.0
"""For so long nobody wonders what is being waited for."""
READY, FAILED = "ready", "failed: "
"""What the recorder says when the store is open, and before the reason why it cannot be."""

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # waiting for a server is done here, where it can be seen
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class Recorder(AbstractContextManager["Recorder"]):
    """The recording process. A `with` block's end tells it that the journal has ended; `finish` waits for it.

    What it has to say while it runs (that the store is away, that it is back) goes to `say`.
    """

    def __init__(self, folder: SweepFolder, say: Callable[[str], None] = lambda words: None) -> None:
        self._folder = folder
        self._say = say

    def __enter__(self) -> Recorder:
        command = [sys.executable, "-m", "search.tracking.recorder", str(self._folder.root), self._folder.name]
        with (self._folder.path / "recorder.log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the driver
                env=os.environ | _ENVIRONMENT | {"PYTHONPATH": python_path()},
            )
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def finish(self) -> bool:
        """Wait until it has written what was left; returns whether MLflow has everything that the journal has."""
        try:
            return self._process.wait(SOON_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self._say("MLflow is brought up to date, which may take a minute or two ...")
        try:
            return self._process.wait(2 * GIVE_UP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            return False

    def watch(self, failed: Callable[[Exception], None]) -> None:
        """Call `failed` if the store cannot be opened. The workers start meanwhile: opening takes seconds.

        A recorder that was killed is no reason to stop the trials: `finish` tells that something is left to record.
        """

        def wait() -> None:
            assert self._process.stdout is not None
            began = False
            for line in map(str.strip, self._process.stdout):
                began = True
                if line.startswith(FAILED):
                    failed(SteadytuneError(line.removeprefix(FAILED)))
                elif line != READY:
                    self._say(line)
            if not began and self._process.wait() >= 0:
                log = self._folder.path / "recorder.log"
                failed(SteadytuneError(f"the recorder of MLflow's runs did not start; see {log}"))

        threading.Thread(target=wait, name="recorder-watch", daemon=True).start()


def sync(folder: SweepFolder, ended: Callable[[], bool], say: Callable[[str], None] = lambda words: None) -> bool:
    """Write the journal to MLflow until `ended` and nothing is left; returns whether everything was written.

    It says `READY` when the store is open, then when the store goes away, and when it is back.
    """
    for name, value in _ENVIRONMENT.items():  # MLflow reads them when it is imported
        os.environ.setdefault(name, value)
    _await_first_epoch(folder, ended)
    from search.tracking.run_writer import RunWriter, StoreError  # imports MLflow, which only this process pays for

    run_writer: RunWriter | None = None
    source: Iterator[Row] = iter(())
    rows: list[Row] = []
    seq, away, give_up_at, pause = 0, False, 0.0, POLL_SECONDS
    store = folder.store(folder.spec())
    while True:
        last = ended()
        try:
            if run_writer is None:
                run_writer = RunWriter(folder)
                say(READY)
            rows = rows or list(islice(source, BATCH_ROWS))  # those that could not be written come again
            if not rows and folder.journal.is_dir():
                source = read(folder.journal, after=seq)
                rows = list(islice(source, BATCH_ROWS))
            count = len(rows)
            if rows:
                run_writer.write(rows)
                if away:
                    say(f"The MLflow store {store} is back; what was missing is written.")
                seq, away, give_up_at, pause = rows[-1].seq, False, 0.0, POLL_SECONDS
                rows = []
            elif last:
                run_writer.finish()
                return True
        except (StoreError, OSError) as error:  # the store may be away for a while; the journal keeps everything
            if run_writer is None and not _may_pass(error, store):
                raise
            text = str(error).partition("\n")[0]
            print(f"MLflow is not reachable, trying again: {type(error).__name__}: {text}", file=sys.stderr, flush=True)
            if not away:
                away = True
                say(f"The MLflow store {store} cannot be written now; the sweep goes on, and it is written later.")
            if last:  # however long it was away before: the sweep waits a minute for it
                give_up_at = give_up_at or time.monotonic() + GIVE_UP_SECONDS
                if time.monotonic() > give_up_at:
                    return False
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            continue
        if not last and count < BATCH_ROWS:
            time.sleep(POLL_SECONDS)


def _may_pass(error: Exception, store: str) -> bool:
    """Whether a store that cannot be opened may be there later: a server that is away, or that lacks its database.

    What MLflow answers with a code of the client's (not allowed, not found) stays as it is.
    """
    code = getattr(error, "get_http_status_code", lambda: 500)()
    return store.startswith(("http://", "https://")) and code >= 500


def _await_first_epoch(folder: SweepFolder, ended: Callable[[], bool]) -> None:
    """Return when there is something to record: MLflow's seconds of import would delay the workers' start."""
    seq = 0
    while not ended():
        for row in read(folder.journal, after=seq) if folder.journal.is_dir() else ():
            if isinstance(row.event, (EpochDone, SweepEnded)):
                return
            seq = row.seq
        time.sleep(POLL_SECONDS)


def main() -> None:
    """`python -m search.tracking.recorder ROOT NAME` says "ready", then follows the journal until its input closes."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(19)  # trials come first, and Ray runs them at 15: what is not recorded now is recorded a moment later
    folder = SweepFolder(Path(sys.argv[1]), sys.argv[2])
    try:
        # The recorder of a driver that was killed may still be writing: let it end first.
        with folder.locked("recorder.lock", wait_seconds=GIVE_UP_SECONDS):
            complete = sync(folder, _input_closed, _tell)
    except Exception as error:
        _tell(f"{FAILED}the MLflow store cannot be opened ({type(error).__name__}: {first_line(error)})")
        raise
    sys.exit(0 if complete else 1)


def _tell(words: str) -> None:
    with suppress(OSError):  # a driver that was killed reads nothing
        os.write(sys.stdout.fileno(), f"{words}\n".encode())


def _input_closed() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    main()
