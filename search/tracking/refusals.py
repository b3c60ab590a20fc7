"""What an MLflow store refuses for good: the user is told once, it is left out, and the rest is recorded.

A call is tried again only if it may succeed later: the server does not answer or answers 5xx, the database is away or
locked, the disk is full, the credentials have expired.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable

from mlflow.exceptions import MlflowException

from search.tracking.sync import REFUSES, Notify
from trainables.errors import first_line

MOST_TOLD = 5
"""The user is told of this many refusals; recorder.log has all of them."""
DOUBTS = 3
"""A store must answer "bad request" this many times in a row before that counts as final."""

_FINAL = {
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "NOT_IMPLEMENTED",
    "FEATURE_DISABLED",
}
_DOUBTFUL = "BAD_REQUEST"
"""MLflow's code for every error of a database but `OperationalError`, and so also for a connection that has broken."""
_FINAL_STATUS = {405, 411, 413, 414, 415, 422, 431}
"""HTTP status codes that will stay the same for the same request; MLflow's client treats them as server errors."""
_STATUS = re.compile(r"failed with error code (\d{3})\b")
_FINAL_FILE_ERRORS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.EINVAL,
    errno.ENAMETOOLONG,
}


def is_final(error: Exception) -> bool:
    """Whether a store that answered a call with `error` will always answer it that way."""
    if not isinstance(error, MlflowException):
        return False
    status = _STATUS.search(str(error))
    return error.error_code in _FINAL or (status is not None and int(status[1]) in _FINAL_STATUS)


def files_are_final(error: Exception) -> bool:
    """The same for files, which go to another server or disk, through libraries with errors of their own."""
    if isinstance(error, MlflowException):
        return is_final(error) or error.error_code == "PERMISSION_DENIED"
    if not isinstance(error, OSError):
        return True  # such as a library that the kind of storage needs and that is not installed
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:  # of `requests`
        return 400 <= int(status) < 500 and status not in (408, 425, 429)
    return error.errno in _FINAL_FILE_ERRORS


class Refusals:
    """Makes calls to a store and keeps what it refuses.

    Attributes:
        subjects: what was refused, in order, each once.
    """

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self.subjects: list[str] = []
        self._doubted: dict[str, int] = {}

    def accepted(self, subject: str, call: Callable[[], object], final: Callable[[Exception], bool] = is_final) -> bool:
        """Whether the store took `call`; if it refuses it for good, that is noted under `subject`.

        Raises:
            Exception: the call failed, but may succeed later.
        """
        error = self.refusal(subject, call, final)
        if error is not None:
            self.note(subject, error)
        return error is None

    def refusal(
        self, subject: str, call: Callable[[], object], final: Callable[[Exception], bool] = is_final
    ) -> Exception | None:
        """Why the store refuses `call` for good, or None; nothing is noted. Raises what may succeed later."""
        try:
            call()
        except Exception as error:
            if final(error) or self._is_doubted_enough(subject, error):
                return error
            raise
        self._doubted.pop(subject, None)
        return None

    def note(self, subject: str, error: Exception) -> None:
        """Tell once that `subject` was refused."""
        if subject in self.subjects:
            return
        self.subjects.append(subject)
        message = f"{REFUSES} {subject} ({first_line(error)}); it is left out, the rest is recorded."
        print(message, file=sys.stderr, flush=True)  # to recorder.log
        if len(self.subjects) <= MOST_TOLD:
            self._notify(message)
        elif len(self.subjects) == MOST_TOLD + 1:
            self._notify(f"{REFUSES} more; all of it is in recorder.log.")

    def _is_doubted_enough(self, subject: str, error: Exception) -> bool:
        if getattr(error, "error_code", "") != _DOUBTFUL:
            return False
        self._doubted[subject] = self._doubted.get(subject, 0) + 1
        return self._doubted[subject] >= DOUBTS
