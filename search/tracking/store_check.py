"""Whether the MLflow store of a sweep can be there, before the first trial and without MLflow's seconds of import."""

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
from http.client import HTTPResponse
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from trainables.errors import SteadytuneError

WAIT_SECONDS = 5
_SQLITE = b"SQLite format 3\0"  # the first bytes of every database file, https://www.sqlite.org/fileformat.html
_VERSION = "alembic_version"  # the table in which MLflow's tables have their version
_CREDENTIALS = Path("~/.mlflow/credentials")
_USER, _PASSWORD, _TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
_OTHER_WAY = "MLFLOW_TRACKING_AUTH"


def check_store(uri: str) -> None:
    """Check the MLflow store at `uri`, in a few seconds.

    Raises:
        SteadytuneError: a server that does not answer or refuses the credentials, a password in the address, or a
            database file that MLflow would look for elsewhere, that cannot be written, is no database, or is another
            version's or another program's.
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
        if odd := [sign for sign in "%?#" if sign in uri]:
            raise SteadytuneError(
                f"store is {uri}; MLflow would take the {odd[0]!r} in it for an escape or a query, and write elsewhere;"
                " give another folder with --sweeps, or another file with --store"
            )
        _check_database(uri, Path(uri.removeprefix("sqlite:///")))


def experiment_number(uri: str, name: str) -> str:
    """The number that the MLflow server at `uri` has given to an experiment; "" if it does not tell."""
    with suppress(OSError, ValueError, KeyError):
        query = urllib.parse.urlencode({"experiment_name": name})
        with _asked(f"{uri.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?{query}") as answer:
            return str(json.loads(answer.read())["experiment"]["experiment_id"])
    return ""


def _asked(address: str) -> HTTPResponse:
    request = urllib.request.Request(address)
    if authorization := _authorization():
        request.add_header("Authorization", authorization)
    answer: HTTPResponse = urllib.request.urlopen(request, timeout=WAIT_SECONDS)
    return answer


def _check_server(uri: str) -> None:
    try:
        with _asked(f"{uri}/api/2.0/mlflow/experiments/search?max_results=1"):
            return
    except urllib.error.HTTPError as error:
        if error.code in (401, 403) and os.environ.get(_OTHER_WAY):
            return  # a plugin of MLflow's signs its requests, which only MLflow can
        if error.code in (401, 403):
            wrong = "refuses the credentials" if _authorization() else "asks for credentials, and none are set"
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
        raise SteadytuneError(
            f"store is {uri}; {target} cannot be written; get the right to it, or launch with another folder or --store"
        )
    if not path.exists():
        return
    if not os.access(path, os.R_OK):
        raise SteadytuneError(f"store is {uri}; {path} cannot be read; give another file with --store")
    if _head(path) not in (b"", _SQLITE):
        raise SteadytuneError(f"store is {uri}; {path} is no SQLite database; move it away or give --store")
    if wrong := _other_version(uri, path):
        raise SteadytuneError(f"store is {uri}; {wrong}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def _other_version(uri: str, path: Path) -> str:
    """What is wrong with a database that this version of MLflow would refuse, and what to do; "" if it would not."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
            found = [row[0] for row in database.execute("select * from alembic_version")] if _VERSION in tables else []
    except sqlite3.Error as error:
        return f"{path} cannot be read ({error}); restore it from a copy or give --store"
    known, newest = _schemas()
    if not found:
        return f"{path} is another program's database; give another file with --store" if tables else ""
    if not newest or found == [newest]:
        return ""
    installed = metadata.version("mlflow")
    if found[0] in known:
        fix = f"copy it, then bring it up to date: mlflow db upgrade {uri}"
        return f"{path} is of an older MLflow than the installed {installed}; {fix}"
    return f"{path} is of a newer MLflow than the installed {installed}; install that one or give another --store"


def _schemas() -> tuple[set[str], str]:
    """The versions of its tables that the installed MLflow knows, and the newest, without importing it."""
    versions = Path(str(metadata.distribution("mlflow").locate_file("mlflow/store/db_migrations/versions")))
    texts = [file.read_text(encoding="utf-8") for file in versions.glob("*.py")]
    known, older = (
        {found[1] for text in texts if (found := re.search(rf'^{name} = "(\w+)"', text, re.MULTILINE))}
        for name in ("revision", "down_revision")
    )
    return known, next(iter(known - older), "")
