"""Where a sweep's data, storage and MLflow store lie: a path, or a URI."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from trainables.errors import SettingsError

_SQLITE = "sqlite:///"
EXAMPLE = "/shared/sweeps or s3://bucket/folder?endpoint_override=http%3A%2F%2Fhost%3A9000"


def is_uri(value: str) -> bool:
    """Whether `value` is a URI rather than a path."""
    return "://" in value


def check_uri(field: str, value: str) -> None:
    """Whether `value`, the value of `field`, may be kept with a sweep.

    Raises:
        SettingsError: it is no URI and no absolute path, or it holds a key or a password.
    """
    if is_uri(value) and "@" in urlsplit(value).netloc:
        raise SettingsError(
            f"{field} holds a key or a password, which would be kept with the sweep; leave it out of the URI and set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if not is_uri(value) and not value.startswith("/"):
        raise SettingsError(f"{field} is {value}; it must be an absolute path or a URI, such as {EXAMPLE}")


def located(data: str) -> str:
    """A sweep's `data` for a process in another working directory: an absolute path, or the URI; "" stays ""."""
    return data if is_uri(data) or not data else str(Path(data).absolute())


def located_store(store: str) -> str:
    """A sweep's `store` for a process in another working directory: a SQLite file gets its absolute path."""
    file = sqlite_file(store)
    return sqlite_store(file.absolute()) if file else store


def located_sweep(sweep: str) -> str:
    """An earlier sweep in `warm_start` for a process in another working directory: its absolute path, or its name."""
    return str(Path(sweep).absolute()) if (Path(sweep) / "sweep.yaml").is_file() else sweep


def sqlite_store(file: Path) -> str:
    """The tracking URI of MLflow's store in a SQLite file."""
    return f"{_SQLITE}{file}"


def sqlite_file(store: str) -> Path | None:
    """The SQLite file that a tracking URI names; None if it names another kind of store, such as a server."""
    return Path(store.removeprefix(_SQLITE)) if store.startswith(_SQLITE) else None


def short_name(data: str) -> str:
    """A short name for a sweep's `data`: the last part of its path."""
    return Path(urlsplit(data).path if is_uri(data) else data).name
