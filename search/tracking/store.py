"""Whether the MLflow store of a sweep can be there, before the first trial and without MLflow's seconds of import."""

from __future__ import annotations

import base64
import configparser
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from trainables.errors import SteadytuneError

WAIT_SECONDS = 5
_SQLITE = b"SQLite format 3\0"  # the first bytes of every database file, https://www.sqlite.org/fileformat.html
_CREDENTIALS = Path("~/.mlflow/credentials")
_USER, _PASSWORD, _TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
_OTHER_WAY = "MLFLOW_TRACKING_AUTH"


def check_store(uri: str) -> None:
    """Check the MLflow store at `uri`, in a few seconds.

    Raises:
        SteadytuneError: a server that does not answer or refuses the credentials, a password in the address, or a
            database file in a folder that cannot be written.
    """
    if "://" not in uri:
        raise SteadytuneError(
            f"store is {uri}; it must be a tracking URI such as http://host:5000 or sqlite:///mlflow.db"
        )
    if urlsplit(uri).password:
        raise SteadytuneError(
            "store holds a password, which would be kept with the sweep; leave it out of the address and set "
            f"{_PASSWORD} for an MLflow server, PGPASSWORD for PostgreSQL"
        )
    if uri.startswith(("http://", "https://")):
        _check_server(uri.rstrip("/"))
    if uri.startswith("sqlite:///"):
        _check_database(uri, Path(uri.removeprefix("sqlite:///")))


def _check_server(uri: str) -> None:
    request = urllib.request.Request(f"{uri}/api/2.0/mlflow/experiments/search?max_results=1")
    if authorization := _authorization():
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        if error.code in (401, 403) and os.environ.get(_OTHER_WAY):
            return  # a plugin of MLflow's signs its requests, which only MLflow can
        if error.code in (401, 403):
            wrong = "refuses the credentials" if authorization else "asks for credentials, and none are set"
            fix = f"set {_USER} and {_PASSWORD}, or {_TOKEN}"
            raise SteadytuneError(f"store is {uri}; the server {wrong} ({error.code}); {fix}") from None
        if error.code >= 500:
            return  # it may lack its database for a while: the recorder waits for that
        raise SteadytuneError(f"store is {uri}; it answers {error.code}, so it is no MLflow server") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise SteadytuneError(
            f"store is {uri}; no MLflow server answers there ({reason}); start it or mend the address"
        ) from None


def _authorization() -> str:
    """What MLflow's own client would send: its variables, or its file of credentials."""
    kept = configparser.ConfigParser(interpolation=None)
    kept.read(_CREDENTIALS.expanduser(), encoding="utf-8")
    own = dict(kept["mlflow"]) if kept.has_section("mlflow") else {}
    user = os.environ.get(_USER) or own.get(_USER.lower())
    password = os.environ.get(_PASSWORD) or own.get(_PASSWORD.lower())
    if user and password:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    token = os.environ.get(_TOKEN)
    return f"Bearer {token}" if token else ""


def _check_database(uri: str, path: Path) -> None:
    target = path if path.exists() else next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(target, os.W_OK) or not (path.exists() or target.is_dir()):
        raise SteadytuneError(f"store is {uri}; {target} cannot be written; give another folder or --store")
    if path.exists() and _head(path) not in (b"", _SQLITE):
        raise SteadytuneError(f"store is {uri}; {path} is no SQLite database; move it away or give --store")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))
