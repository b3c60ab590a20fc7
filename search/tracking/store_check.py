"""Checks the MLflow store of a sweep before the first trial, without importing MLflow, which takes seconds."""

from __future__ import annotations

import base64
import configparser
import json
import os
import re
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing, suppress
from http.client import HTTPException, HTTPResponse
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from search.sweep.uri import sqlite_file
from trainables.errors import SteadytuneError

TIMEOUT_SECONDS = 5
URI_SIGNS = frozenset("%?#")
"""Characters that a path may contain, but that start an escape, a query or a fragment in a URI."""
_SQLITE = b"SQLite format 3\0"  # the first bytes of every database file, https://www.sqlite.org/fileformat.html
_VERSION_TABLE = "alembic_version"  # holds the version of MLflow's database schema
_CREDENTIALS = Path("~/.mlflow/credentials")
_USER, _PASSWORD, _TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
_AUTH_PLUGIN = "MLFLOW_TRACKING_AUTH"


def check_store(uri: str) -> None:
    """Check the MLflow store at `uri`, in a few seconds.

    Raises:
        SteadytuneError: the server does not answer or refuses the credentials; the address holds a password; or the
            database file cannot be written, is no database, belongs to another program or another version of MLflow,
            or has a name that MLflow would read as another.
    """
    if "://" not in uri:
        raise SteadytuneError(
            f"store is {uri}; it must be a tracking URI such as http://host:5000 or sqlite:///mlflow.db"
        )
    if urlsplit(uri).password:
        raise SteadytuneError(
            "store holds a password, which would be saved with the sweep; leave it out of the address and set "
            f"{_PASSWORD} for an MLflow server, PGPASSWORD for PostgreSQL"
        )
    if uri.startswith(("http://", "https://")):
        _check_server(uri.rstrip("/"))
    if file := sqlite_file(uri):
        if special := URI_SIGNS & set(file.name):
            raise SteadytuneError(
                f"store is {uri}; MLflow would read {min(special)!r} in the file's name as an escape or a query, and "
                "write elsewhere; give another file with --store"
            )
        _check_database(uri, file)


def experiment_on_server(uri: str, name: str) -> tuple[str, frozenset[str]]:
    """The id and the tags' names of an experiment on the MLflow server at `uri`.

    ("", none) if the server does not answer or has no such experiment.
    """
    with suppress(OSError, HTTPException, ValueError, KeyError):
        query = urllib.parse.urlencode({"experiment_name": name})
        with _get(f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?{query}") as answer:
            experiment = json.loads(answer.read())["experiment"]
            return str(experiment["experiment_id"]), frozenset(tag["key"] for tag in experiment.get("tags", ()))
    return "", frozenset()


def _get(address: str) -> HTTPResponse:
    request = urllib.request.Request(address)
    if authorization := _authorization():
        request.add_header("Authorization", authorization)
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    return answer


def _check_server(uri: str) -> None:
    try:
        with _get(f"{uri}/api/2.0/mlflow/experiments/search?max_results=1"):
            return
    except urllib.error.HTTPError as error:
        if error.code in (401, 403) and os.environ.get(_AUTH_PLUGIN):
            return  # an MLflow plugin signs the requests, which this check cannot
        if error.code in (401, 403):
            problem = "refuses the credentials" if _authorization() else "asks for credentials, and none are set"
            fix = f"set {_USER} and {_PASSWORD}, or {_TOKEN}"
            raise SteadytuneError(f"store is {uri}; the server {problem} ({error.code}); {fix}") from None
        if error.code >= 500:
            return  # its database may be down for a while: the recorder waits for it
        raise SteadytuneError(f"store is {uri}; it answers {error.code}, so it is no MLflow server") from None
    except (OSError, HTTPException) as error:  # the latter if another kind of server answers, or the port is no number
        reason = getattr(error, "reason", error)
        raise SteadytuneError(
            f"store is {uri}; no MLflow server answers there ({reason}); start it or correct the address"
        ) from None


def _authorization() -> str:
    """The header that MLflow's own client would send, from its environment variables or its credentials file."""
    parser = configparser.ConfigParser(interpolation=None)
    with suppress(RuntimeError):  # no home folder: a container with a bare user id
        parser.read(_CREDENTIALS.expanduser(), encoding="utf-8")
    credentials = dict(parser["mlflow"]) if parser.has_section("mlflow") else {}
    user = os.environ.get(_USER) or credentials.get(_USER.lower())
    password = os.environ.get(_PASSWORD) or credentials.get(_PASSWORD.lower())
    if user and password:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    token = os.environ.get(_TOKEN)
    return f"Bearer {token}" if token else ""


def _check_database(uri: str, path: Path) -> None:
    target = path if path.exists() else next(parent for parent in path.absolute().parents if parent.exists())
    if not os.access(target, os.W_OK) or not (path.exists() or target.is_dir()):
        raise SteadytuneError(
            f"store is {uri}; {target} cannot be written; make it writable, or launch with another folder or --store"
        )
    if not path.exists():
        return
    if not os.access(path, os.R_OK):
        raise SteadytuneError(f"store is {uri}; {path} cannot be read; give another file with --store")
    if _head(path) not in (b"", _SQLITE):
        raise SteadytuneError(f"store is {uri}; {path} is no SQLite database; move it away or give --store")
    if problem := _schema_problem(uri, path):
        raise SteadytuneError(f"store is {uri}; {problem}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def _schema_problem(uri: str, path: Path) -> str:
    """Why the installed MLflow would refuse a database, and what to do; "" if it would not."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
            versions = (
                [row[0] for row in database.execute("select * from alembic_version")]
                if _VERSION_TABLE in tables
                else []
            )
    except sqlite3.Error as error:
        return f"{path} cannot be read ({error}); restore it from a copy or give --store"
    known_versions, newest = _schema_versions()
    if not versions:
        return f"{path} is another program's database; give another file with --store" if tables else ""
    if not newest or versions == [newest]:
        return ""
    installed = metadata.version("mlflow")
    if versions[0] in known_versions:
        fix = f"copy it, then upgrade it: mlflow db upgrade {uri}"
        return f"{path} is of an older MLflow than the installed {installed}; {fix}"
    return f"{path} is of a newer MLflow than the installed {installed}; install that one or give another --store"


def _schema_versions() -> tuple[set[str], str]:
    """All schema versions that the installed MLflow has migrations for, and the newest, without importing it."""
    folder = Path(str(metadata.distribution("mlflow").locate_file("mlflow/store/db_migrations/versions")))
    texts = [file.read_text(encoding="utf-8") for file in folder.glob("*.py")]
    versions, superseded = (
        {match[1] for text in texts if (match := re.search(rf'^{name} = "(\w+)"', text, re.MULTILINE))}
        for name in ("revision", "down_revision")
    )
    return versions, next(iter(versions - superseded), "")
