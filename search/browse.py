"""MLflow's own pages on a sweep's store."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from trainables.errors import SteadytuneError


def serve(store: str, root: Path, port: int) -> None:
    """Serve the store on this machine's loopback until interrupted; a store on a server is only named.

    Raises:
        SteadytuneError: there is no store yet, or the port is taken.
    """
    if store.startswith(("http://", "https://")):
        print(f"The results are on the MLflow server {store}")
        return
    file = Path(store.removeprefix("sqlite:///"))
    if store.startswith("sqlite:///") and not file.is_file():
        raise SteadytuneError(
            f"{file}: no MLflow store there yet; launch a sweep first, or give its folder with --sweeps"
        )
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SteadytuneError(f"port is {port}; something answers there already; give another with --port")
    print(f"MLflow: http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store]
    command += [
        "--default-artifact-root",
        (root / "artifacts").as_uri(),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    # -m puts the working directory first on the path: away from a checkout, whose folder is called mlflow too.
    process = subprocess.Popen(command, cwd=root)
    try:
        process.wait()
    finally:
        process.terminate()
