"""Follows a sweep's journal and writes it to MLflow, waiting for a store that does not answer."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

import tenacity

from search.journal.events import EpochDone, Row, SweepEnded
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from search.tracking.mlflow_environment import ignored

POLL_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0
"""Pauses between attempts while the store does not answer: a second, then each twice the one before, up to this."""
BATCH_ROWS = 2000
"""This many rows are written at a time, so that a long journal is never in memory as a whole."""
GIVE_UP_SECONDS = 60.0
"""How long a sweep that has ended waits for a store that does not answer."""
CREDENTIALS = {"UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"}
"""MLflow's codes for an answer 401 or 403."""
READY = "ready"
"""The message that the store is open."""
REFUSES = "MLflow refuses"
"""Begins the message that the store refuses something for good."""
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # `StoreRetry` waits for a server instead, and tells the user
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

Notify = Callable[[str], None]
Result = TypeVar("Result")


def sync(folder: SweepFolder, ended: Callable[[], bool], notify: Notify = lambda message: None) -> bool:
    """Write the journal to MLflow until `ended` and no rows are left.

    Args:
        folder: the sweep's folder.
        ended: whether the journal has ended.
        notify: gets `READY` when the store is open, and a sentence when it stops answering, when it is back, and for
            what it refuses for good.

    Returns:
        Whether everything was written.

    Raises:
        Exception: the store cannot be opened, and will not be later.
    """
    prepare_environment()
    _await_first_epoch(folder, ended)
    from search.tracking.experiment import StoreError  # imports MLflow, which takes seconds
    from search.tracking.run_writer import RunWriter

    store = folder.store(folder.spec())
    journal = JournalFollower(folder)
    retry = StoreRetry(store, (StoreError, OSError), ended, notify)
    try:
        writer = retry(lambda: RunWriter(folder, notify), lambda error: _may_open_later(error, store))
        notify(READY)
        while True:
            last = ended()  # asked before reading: after this, no rows are added
            count = retry(lambda: journal.pass_on(writer.write))
            if count:
                retry.succeeded()
            elif last:
                retry(writer.finish)
                return True
            if not last and count < BATCH_ROWS:
                time.sleep(POLL_SECONDS)
    except GaveUp:
        return False


def prepare_environment() -> None:
    """Set up the environment variables for MLflow, before it is imported."""
    for name in ignored(os.environ):
        del os.environ[name]
    for name, value in ENVIRONMENT.items():  # MLflow reads them when it is imported
        os.environ.setdefault(name, value)


class GaveUp(Exception):  # noqa: N818  # no mistake of anybody's
    """The store did not answer within `GIVE_UP_SECONDS` after the journal had ended."""


class JournalFollower:
    """Reads a growing journal in batches. The next batch is read once the last one has been passed on successfully."""

    def __init__(self, folder: SweepFolder) -> None:
        self._journal = folder.journal
        self._rows: Iterator[Row] = iter(())
        self._batch: list[Row] = []
        self._last_seq = 0

    def pass_on(self, write: Callable[[list[Row]], None]) -> int:
        """Give the next rows to `write`; returns how many. If `write` raises, the next call gives it the same rows."""
        self._batch = self._batch or list(islice(self._rows, BATCH_ROWS))
        if not self._batch and self._journal.is_dir():  # read to its end: look for newer rows
            self._rows = read(self._journal, after=self._last_seq)
            self._batch = list(islice(self._rows, BATCH_ROWS))
        if not self._batch:
            return 0
        write(self._batch)
        count, self._last_seq = len(self._batch), self._batch[-1].seq
        self._batch = []
        return count


class StoreRetry:
    """Repeats an action while the store does not answer, and tells the user once per outage.

    While the sweep runs, it repeats without limit. Once the journal has ended, it gives up after `GIVE_UP_SECONDS`,
    however long the store had not answered before.

    Args:
        store: the store's URI, for messages.
        errors: the exceptions that mean that the store does not answer.
        ended: whether the journal has ended.
        notify: tells the user.
    """

    def __init__(
        self, store: str, errors: tuple[type[Exception], ...], ended: Callable[[], bool], notify: Notify
    ) -> None:
        self._store, self._errors, self._ended, self._notify = store, errors, ended, notify
        self._announced = False
        self._give_up_at: float | None = None

    def __call__(
        self, action: Callable[[], Result], may_pass: Callable[[BaseException], bool] = lambda error: True
    ) -> Result:
        """The result of `action`, repeated while it raises one of the errors and `may_pass` of that error.

        Raises:
            GaveUp: the limit has passed.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, self._errors) and may_pass(error)),
            wait=tenacity.wait_exponential(multiplier=POLL_SECONDS, max=LONGEST_PAUSE_SECONDS),
            stop=self._out_of_time,
            after=self._report,
        )
        try:
            return retrying(action)
        except tenacity.RetryError as error:
            raise GaveUp from error

    def succeeded(self) -> None:
        """Note that rows were written: if there was an outage, it is over."""
        if self._announced:
            self._notify(f"The MLflow store {self._store} is back; the missing rows have been written.")
        self._announced, self._give_up_at = False, None

    def _out_of_time(self, state: tenacity.RetryCallState) -> bool:
        if not self._ended():
            return False
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + GIVE_UP_SECONDS
        return time.monotonic() > self._give_up_at

    def _report(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        text = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        print(f"MLflow is not reachable, trying again: {text}", file=sys.stderr, flush=True)  # to recorder.log
        if not self._announced:
            self._announced = True
            problem = "cannot be written now"
            if getattr(error, "error_code", "") in CREDENTIALS:
                problem = f"refuses this user's credentials ({text})"
            self._notify(f"The MLflow store {self._store} {problem}; the sweep continues, and it is written later.")


def _may_open_later(error: BaseException, store: str) -> bool:
    """Whether a store that cannot be opened may open later: a server that is down, or that lacks its database.

    An answer with a client error's code (not allowed, not found) will stay the same.
    """
    code = getattr(error, "get_http_status_code", lambda: 500)()
    return store.startswith(("http://", "https://")) and code >= 500


def _await_first_epoch(folder: SweepFolder, ended: Callable[[], bool]) -> None:
    """Return once there is something to write: importing MLflow takes seconds and would delay the workers' start."""
    seq = 0
    while not ended():
        for row in read(folder.journal, after=seq) if folder.journal.is_dir() else ():
            if isinstance(row.event, (EpochDone, SweepEnded)):
                return
            seq = row.seq
        time.sleep(POLL_SECONDS)
