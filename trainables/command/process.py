"""The process of a script: started without a shell, in a session of its own, ended with all that it started."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainables.command import supervisor
from trainables.command.declaration import Stop
from trainables.errors import SettingsError
from trainables.marked_processes import marked_processes

RUN_DIR = "STEADYTUNE_RUN_DIR"
"""In the environment of a script and of all that it starts, so that they can be found."""
_NOT_PASSED_ON = ("RAY_", "STEADYTUNE_")
"""Beginnings of variables that concern steadytune's own processes."""
_RAYS_CODE = "/runtime_resources/"
"""In the paths where Ray unpacks steadytune's code, whose modules could be taken for the script's."""
_ANSWER_SECONDS = 20.0


def environment(run_dir: Path, epochs: int, seed: int, data: str, checkpoint: Path | None) -> dict[str, str]:
    """The environment of a script: this process' own, and what the script is to know."""
    passed_on = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    paths = [entry for entry in passed_on.pop("PYTHONPATH", "").split(os.pathsep) if entry and _RAYS_CODE not in entry]
    if paths:
        passed_on["PYTHONPATH"] = os.pathsep.join(paths)
    return passed_on | {
        RUN_DIR: str(run_dir),
        "STEADYTUNE_EPOCHS": str(epochs),
        "STEADYTUNE_SEED": str(seed),
        "STEADYTUNE_DATA": data,
        "STEADYTUNE_CHECKPOINT": str(checkpoint or ""),
        "PYTHONUNBUFFERED": "1",
    }


class Script:
    """A script that runs; see `trainables.command.supervisor`, its parent process.

    Args:
        line: the command line.
        directory: the working directory.
        environment: with `RUN_DIR`.
        log: the file to which its output is appended.
        stop: how it is ended.

    Raises:
        SettingsError: its program cannot be started.
    """

    def __init__(
        self, line: Sequence[str], directory: Path, environment: Mapping[str, str], log: Path, stop: Stop
    ) -> None:
        self._stop = stop
        self._run_dir = environment[RUN_DIR]
        self._answers = b""
        self.exit_code: int | None = None
        kill_leftovers(self._run_dir)  # of a worker and a supervisor that were both killed
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        request = {
            "command": list(line),
            "directory": str(directory),
            "environment": dict(environment),
            "log": str(log),
            "grace": stop.grace_seconds,
            "signal": int(signal.Signals[stop.signal]),
        }
        self._tell(json.dumps(request))
        answer = self._answer(_ANSWER_SECONDS) or {
            "error": "the process that starts it did not answer",
            "file": line[0],
        }
        if "error" in answer:
            self._close()
            raise SettingsError(
                f"command: {answer['file']} cannot be started in {directory} ({answer['error']}); check the command, "
                "its program must be on the PATH"
            )
        self.pid = int(answer["pid"])

    def poll(self) -> int | None:
        """The exit code if nothing of the script runs any more, negative for a signal; None while something does."""
        return self.wait(0.0)

    def wait(self, seconds: float) -> int | None:
        """What `poll` returns, as soon as nothing of the script runs any more, or after so many seconds."""
        if self.exit_code is None and (answer := self._answer(seconds)) is not None:
            self.exit_code = int(answer["exit"])
        return self.exit_code

    def end(self) -> None:
        """End the script and all that it started; returns when nothing of it is left."""
        if self.poll() is None:
            with suppress(OSError):
                self._tell("stop")
            self.wait(self._stop.grace_seconds + _ANSWER_SECONDS)
        self._close()
        kill_leftovers(self._run_dir)

    def _tell(self, text: str) -> None:
        assert self._supervisor.stdin is not None
        self._supervisor.stdin.write(text.encode() + b"\n")
        self._supervisor.stdin.flush()

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        """The supervisor's next answer; None if it has none by then. A supervisor that died counts as an exit."""
        assert self._supervisor.stdout is not None
        descriptor, deadline = self._supervisor.stdout.fileno(), time.monotonic() + seconds
        while b"\n" not in self._answers:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            more = os.read(descriptor, 4096)
            if not more:
                kill_leftovers(self._run_dir)
                return {"exit": -signal.SIGKILL, "error": "the process that starts it was killed", "file": "command"}
            self._answers += more
        first, _, self._answers = self._answers.partition(b"\n")
        return dict(json.loads(first))

    def _close(self) -> None:
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            self._supervisor.wait(_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()


def kill_leftovers(run_dir: str) -> list[int]:
    """Kill the processes of an earlier script of this run whose worker and supervisor are gone; returns them."""
    processes = marked_processes(RUN_DIR, run_dir)
    for number in processes:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return processes
