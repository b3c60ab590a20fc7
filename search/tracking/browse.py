"""Serves MLflow's own pages for a sweep's store."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from search.sweep.uri import sqlite_file, sqlite_store
from search.tracking.mlflow_environment import without_ignored
from search.tracking.store_check import URI_SIGNS, check_store
from search.tracking.table_view import address
from trainables.errors import SteadytuneError

ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
"""The first is for speed: MLflow 3.17 would start eight processes for its assistant, each of which imports MLflow."""


def serve(store: str, root: Path, port: int, names: Sequence[str] = (), sweep: str = "") -> None:
    """Serve the store on this machine's loopback until interrupted; for a store on a server, only print its address.

    Args:
        store: MLflow tracking URI.
        root: folder of the sweeps.
        port: on the loopback, 1 to 65535.
        names: of the experiment whose page is printed (`address`); without any, the first page of the store.
        sweep: permanent id of the sweep whose view of it is opened.

    Raises:
        SteadytuneError: there is no store yet, MLflow cannot open it (`search.tracking.store_check`), the
            server does not answer, or the port is taken.
    """
    if store.startswith(("http://", "https://")):
        check_store(store)
        print(f"The results are on the MLflow server: {address(store, store, names, sweep)}")
        return
    file = sqlite_file(store)
    if file and not file.is_file():
        raise SteadytuneError(
            f"{file}: no MLflow store there yet; launch a sweep first, write one that has run by "
            "`steadytune sync NAME`, or give the store's folder with --sweeps"
        )
    check_store(store)
    if _answers(port):
        raise SteadytuneError(f"port is {port}; another program listens there; give another port with --port")
    print("MLflow starts, in 10 seconds or so ...", flush=True)
    folder, uri = root, store
    if file and URI_SIGNS & set(str(file.absolute().parent)):
        folder, uri = file.absolute().parent, sqlite_store(Path(file.name))  # MLflow would read another path
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--default-artifact-root", (root / "artifacts").as_uri()]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    # MLflow's own output would hide the address, so it is printed only if the pages fail.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        _pages(command, folder, output) as pages,
    ):
        while pages.poll() is None and not _answers(port):
            time.sleep(0.2)
        if pages.poll() is None:
            base = f"http://127.0.0.1:{port}"
            print(f"MLflow: {address(base, store, names, sweep)} (Ctrl-C ends it)", flush=True)
        if pages.wait():
            output.seek(0)
            print(output.read(), file=sys.stderr)
            raise SteadytuneError(f"store is {store}; MLflow's pages could not be opened on it; its output is above")


@contextmanager
def _pages(command: Sequence[str], folder: Path, output: TextIO) -> Iterator[subprocess.Popen[bytes]]:
    """The server process, ended with all that it starts at the end of the block; writes to `output`."""
    # Not in a checkout: -m puts the working directory first on the path, and a checkout has a folder named mlflow.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=without_ignored(os.environ) | ENVIRONMENT,
        start_new_session=True,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield process
    finally:
        signal.signal(signal.SIGTERM, before)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # the process that serves the pages is a child
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
