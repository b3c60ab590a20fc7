"""What a store refuses for good is named once and left out; what may pass later is tried again."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.e2e  # imports MLflow


def mlflow_error(code: str, text: str = "no") -> Exception:
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2

    return MlflowException(text, error_code=databricks_pb2.ErrorCode.Value(code))


def raising(error: Exception) -> Callable[[], object]:
    def call() -> object:
        raise error

    return call


FINAL = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "NOT_IMPLEMENTED", "INVALID_STATE")
PASSING = ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "PERMISSION_DENIED", "ABORTED")


@pytest.mark.parametrize("code", FINAL)
def test_a_name_that_mlflow_refuses_is_told_once(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    from search.tracking.refusals import Refusals

    messages: list[str] = []
    refusals = Refusals(messages.append)
    for _ in range(3):
        assert not refusals.accepted("the metric 'x'", raising(mlflow_error(code, "Invalid value\nmore")))
    assert refusals.accepted("the metric 'y'", lambda: None)
    expected = "MLflow refuses the metric 'x' (Invalid value); it is left out, the rest is recorded."
    assert messages == [expected]
    assert capsys.readouterr().err == expected + "\n"
    assert refusals.subjects == ["the metric 'x'"]


@pytest.mark.parametrize("code", PASSING)
def test_what_may_pass_later_is_raised(code: str) -> None:
    from mlflow.exceptions import MlflowException

    from search.tracking.refusals import Refusals

    refusals = Refusals(lambda message: None)
    for _ in range(9):
        with pytest.raises(MlflowException):
            refusals.accepted("x", raising(mlflow_error(code)))
    assert refusals.subjects == []


def test_a_database_that_breaks_a_connection_is_not_refusing() -> None:
    """MLflow answers BAD_REQUEST for a connection that PostgreSQL closed, and for a value that it can never take."""
    from mlflow.exceptions import MlflowException

    from search.tracking.refusals import DOUBTS, Refusals

    refusals = Refusals(lambda message: None)
    broken = raising(mlflow_error("BAD_REQUEST"))
    for _ in range(DOUBTS - 1):
        with pytest.raises(MlflowException):
            refusals.accepted("x", broken)
    assert refusals.accepted("x", lambda: None)
    for _ in range(DOUBTS - 1):
        with pytest.raises(MlflowException):
            refusals.accepted("x", broken)
    assert not refusals.accepted("x", broken)


@pytest.mark.parametrize(("status", "final"), [(413, True), (414, True), (404, False), (502, False)])
def test_answers_that_mlflows_client_has_no_code_for(status: int, final: bool) -> None:
    """413 comes from a proxy that limits requests; 404 without MLflow's code from one whose server is away."""
    from mlflow import exceptions

    from search.tracking.refusals import is_final

    code_of: Any = exceptions.get_error_code
    text = f"API request to endpoint /api failed with error code {status} != 200. Response body: ''"
    assert is_final(exceptions.MlflowException(text, error_code=code_of(status))) == final


def test_files_that_cannot_be_stored_do_not_hold_up_the_numbers() -> None:
    """As of an artifact root on the server's own disk: https://github.com/mlflow/mlflow/issues/212, 810, 6274."""
    import requests

    from search.tracking.refusals import files_are_final

    assert files_are_final(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/mlflow"))
    assert files_are_final(OSError(errno.EROFS, "read-only"))
    assert files_are_final(ModuleNotFoundError("No module named 'boto3'"))
    assert not files_are_final(OSError(errno.ENOSPC, "full"))
    assert not files_are_final(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    for status, final in ((403, True), (400, True), (429, False), (500, False)):
        response = requests.Response()
        response.status_code = status
        assert files_are_final(requests.HTTPError("no", response=response)) == final
