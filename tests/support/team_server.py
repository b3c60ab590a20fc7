"""The MLflow server of a team: basic auth, PostgreSQL, artifacts through it. MLflow runs as `mlflow/compose.yaml` says.

Its containers' addresses and folders are replaced by this machine's; PostgreSQL's password by the trust in loopback.
"""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import yaml

from tests.support import REPOSITORY

USER, PASSWORD = "admin", "correct horse battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TeamServer:
    """PostgreSQL and MLflow, each of which can be killed and started again. PostgreSQL refuses to be root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._root = Path(tempfile.mkdtemp(prefix="team-"))
        self._root.chmod(0o755)
        self._cluster, self._mlflow = self._root / "postgres", self._root / "mlflow"
        self._mlflow.mkdir()
        self._cluster.mkdir(mode=0o700)
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._cluster, self._user, self._user)
        self._postgres_port, self.port = free_port(), free_port()
        command = [str(programs / "initdb"), "-D", str(self._cluster), "-U", "mlflow", "--auth=trust", "-E", "UTF8"]
        subprocess.run(command, user=self._user, check=True, capture_output=True)
        config = (REPOSITORY / "mlflow" / "basic_auth.ini").read_text()
        (self._mlflow / "auth.ini").write_text(config.replace("/srv/mlflow/auth.db", str(self._mlflow / "auth.db")))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client of the server needs."""
        return {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}

    def start_postgres(self) -> None:
        command = [str(self._programs / "postgres"), "-D", str(self._cluster), "-p", str(self._postgres_port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self._cluster}"]
        self._start("postgres", command, dict(os.environ), self._user)
        create = [str(self._programs / "createdb"), "-h", "127.0.0.1", "-p", str(self._postgres_port), "-U", "mlflow"]
        for _ in range(300):
            done = subprocess.run([*create, "mlflow"], capture_output=True, text=True, check=False)
            if done.returncode == 0 or "already exists" in done.stderr:
                return
            time.sleep(0.1)
        raise AssertionError(f"PostgreSQL did not start: {done.stderr}")

    def start_mlflow(self) -> None:
        command, environment = self._composed()
        self._start("mlflow", command, os.environ | environment, None)
        for _ in range(1200):
            with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            time.sleep(0.1)
        raise AssertionError((self._mlflow / "mlflow.log").read_text()[-2000:])

    def _composed(self) -> tuple[list[str], dict[str, str]]:
        """The command and the environment of the service in `compose.yaml`, for this machine."""
        replacements = {
            r"\$\{ADMIN_PASSWORD[^}]*\}": PASSWORD,
            r"\$\{FLASK_SECRET[^}]*\}": secrets.token_hex(),
            r"mlflow:\$\{POSTGRES_PASSWORD[^}]*\}@database/": f"mlflow@127.0.0.1:{self._postgres_port}/",
            r"/etc/mlflow/basic_auth.ini": str(self._mlflow / "auth.ini"),
            r"/srv/mlflow": str(self._mlflow),
            r"--host 0.0.0.0 --port 5000": f"--host 127.0.0.1 --port {self.port}",
        }

        def translated(text: str) -> str:
            for pattern, value in replacements.items():
                text = re.sub(pattern, value, text)
            return text

        service = yaml.safe_load((REPOSITORY / "mlflow" / "compose.yaml").read_text())["services"]["mlflow"]
        _, server = service["command"][-1].split("mlflow server ")
        command = [sys.executable, "-m", "mlflow", "server", *shlex.split(translated(server))]
        return command, {name: translated(value) for name, value in service["environment"].items()}

    def _start(self, name: str, command: list[str], environment: dict[str, str], user: str | None) -> None:
        with (self._mlflow / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd="/" if user else self._mlflow,
                env=environment,
                stdout=log,
                stderr=log,
                user=user,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """`kill -9` of "postgres" or "mlflow" with all its processes."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if name == "postgres":  # a running one that misses its file within the minute ends itself
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    def stop(self, name: str) -> None:
        """Have all processes of "postgres" or "mlflow" stand still: what connects to them waits."""
        os.killpg(self._running[name].pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Undo `stop`."""
        os.killpg(self._running[name].pid, signal.SIGCONT)

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)
        shutil.rmtree(self._root, ignore_errors=True)
