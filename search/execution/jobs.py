"""Sweeps as Ray jobs: submitted to a cluster's head, where they outlive the terminal.

The job of a sweep is found by the sweep's name alone: `steadytune-NAME-1` is its launch, each resume counts one up
(Ray never takes an id again). The newest one is the sweep's job.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ray.exceptions import AuthenticationError, RayError
from ray.job_submission import JobStatus, JobSubmissionClient

import search
import spaces
import trainables
from search.execution.auth import refused, use_token
from search.execution.connection import check_address
from search.execution.job_protocol import SWEEP_RUNS
from search.sweep.environment import JOB
from search.sweep.spec import SweepSpec
from search.sweep.uri import located
from trainables.errors import SettingsError, SteadytuneError, first_line

COMPLAINT = "steadytune: "
UNENDED = ("pending", "running")
STOP_SECONDS = 30.0
"""Ray itself kills what has not ended a few seconds after it was asked to."""
NO_AGENT, AGENT_SECONDS = "No available agent", 60.0
"""What a cluster answers that has just been started, and how long it may say so."""
TAKEN = "does another Ray on the head hold port 52365? give `ray start --head` --dashboard-agent-listen-port 0"
"""Ray's agent, which starts jobs, goes on without its server then (`run` in ray/dashboard/agent.py)."""
SWEEP = "STEADYTUNE_SWEEP"
"""Holds the sweep's description in its job's environment."""


def job_id(name: str, number: int) -> str:
    """The id of the `number`-th job of sweep `name`, counted from 1."""
    return f"steadytune-{name}-{number}"


def last_number(name: str, ids: Iterable[str]) -> int:
    """The number of the newest job of sweep `name` among `ids`; 0 if there is none."""
    pattern = re.compile(rf"steadytune-{re.escape(name)}-([0-9]+)")
    return max((int(found[1]) for one in ids if (found := pattern.fullmatch(one))), default=0)


def portable(spec: SweepSpec, address: str) -> SweepSpec:
    """`spec` without paths that depend on the folder it was launched from, to run at `address`."""
    earlier = [
        str(Path(name).absolute()) if (Path(name) / "sweep.yaml").is_file() else name for name in spec.warm_start
    ]
    changed: dict[str, Any] = {
        "data": located(spec.data),
        "warm_start": earlier,
        "address": address,
    }
    if spec.store and spec.store.startswith("sqlite:///"):
        changed["store"] = f"sqlite:///{Path(spec.store.removeprefix('sqlite:///')).absolute()}"
    return spec.model_copy(update=changed)


class Jobs:
    """The jobs of one cluster.

    Args:
        address: of the head's job server (http://HEAD:8265), or of the cluster (auto, HOST:PORT).

    Raises:
        SettingsError: nothing answers there, it has no job server, or it refuses the token.
    """

    def __init__(self, address: str) -> None:
        for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):  # Ray would prefer them to what it is given
            os.environ.pop(name, None)
        use_token()
        for module in ("dashboard_sdk", "job.sdk"):  # else they tell of every upload
            logging.getLogger(f"ray.dashboard.modules.{module}").setLevel(logging.ERROR)
        check_address(urlsplit(address).netloc if "://" in address else address)
        try:
            self._client = JobSubmissionClient(address)
            self._client.list_jobs()
        except AuthenticationError:
            raise refused(address) from None
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            fix = "its head needs `ray[default]` and its dashboard, http://HEAD:8265"
            raise SettingsError(f"address is {address}; no job server answers there ({_line(error)}); {fix}") from None
        self.address: str = self._client.get_address()

    def submit(self, name: str, root: Path, spec: SweepSpec | None, storage: str | None = None) -> str:
        """Launch the sweep `spec` in `root` as a job, or resume sweep `name` if there is no `spec`; returns its id.

        A resume whose sweep has a `storage` needs nothing of `root`.
        """
        if self.running(name):
            raise SteadytuneError(f"sweep {name} runs already as job {self.newest(name)}; `steadytune stop {name}`")
        job = job_id(name, last_number(name, self._ids()) + 1)
        modules = [str(Path(str(package.__file__)).parent) for package in (search, spaces, trainables)]
        runtime_env: dict[str, Any] = {"py_modules": modules, "env_vars": {JOB: job, "PYTHONUNBUFFERED": "1"}}
        command = _command(
            "resume",
            name,
            "--address",
            self.address,
            "--sweeps",
            str(root.absolute()),
            *(["--storage", storage] if storage else []),
        )
        if spec:
            # No file: a job's working folder may be deleted before the job ends.
            runtime_env["env_vars"][SWEEP] = portable(spec, self.address).dump()
            command = _command("launch", "/dev/stdin", "--sweeps", str(root.absolute())) + f" <<END\n${SWEEP}\nEND"
        deadline = time.monotonic() + AGENT_SECONDS
        while True:
            try:
                self._client.submit_job(entrypoint=command, submission_id=job, runtime_env=runtime_env)
                return job
            except (RuntimeError, RayError, OSError) as error:
                late = NO_AGENT in str(error)
                if not late or time.monotonic() >= deadline:
                    where = f"{self.address} ({_line(error)})" + (f"; {TAKEN}" if late else "")
                    raise SteadytuneError(f"sweep {name} could not be submitted to {where}") from None
            time.sleep(1.0)

    def newest(self, name: str) -> str:
        """The id of the sweep's job.

        Raises:
            SteadytuneError: the cluster knows none.
        """
        number = last_number(name, self._ids())
        if not number:
            raise SteadytuneError(f"no job of sweep {name} at {self.address}; see `steadytune status {name}`")
        return job_id(name, number)

    def state(self, job: str) -> str:
        """One of pending, running, succeeded, failed, stopped."""
        return str(JobStatus(self._client.get_job_status(job)).value).lower()

    def running(self, name: str) -> bool:
        """Whether a job of the sweep has not ended."""
        number = last_number(name, self._ids())
        return bool(number) and self.state(job_id(name, number)) in UNENDED

    def log(self, job: str) -> str:
        """What the job has printed."""
        return str(self._client.get_job_logs(job))

    def follow(self, job: str) -> Iterator[str]:
        """What the job prints, piece by piece, until it ends."""
        loop = asyncio.new_event_loop()
        tail = self._client.tail_job_logs(job)
        try:
            while True:
                yield loop.run_until_complete(anext(tail))
        except StopAsyncIteration:
            return
        except (RuntimeError, OSError) as error:
            raise SteadytuneError(f"job {job} is out of sight ({_line(error)}); it may go on") from None
        finally:
            loop.run_until_complete(tail.aclose())
            loop.close()

    def await_start(self, job: str) -> None:
        """Return when its trials begin.

        Raises:
            SteadytuneError: the sweep was refused; what it said.
        """
        for text in self.follow(job):
            if SWEEP_RUNS in text:
                return
        self.conclude(job)

    def conclude(self, job: str) -> None:
        """Complain if the job ended otherwise than well."""
        if self.state(job) == "succeeded":
            return
        lines = [line for line in self.log(job).splitlines() if line.startswith(COMPLAINT)]
        said = lines[-1].removeprefix(COMPLAINT) if lines else "its log says more"
        raise SteadytuneError(f"job {job} {self.state(job)}: {said}")

    def stop(self, job: str) -> bool:
        """End the job as Ctrl-C does, and return when it has ended; whether it was running."""
        stopped = bool(self._client.stop_job(job))
        deadline = time.monotonic() + STOP_SECONDS
        while self.state(job) in UNENDED and time.monotonic() < deadline:
            time.sleep(0.2)
        return stopped

    def _ids(self) -> list[str]:
        return [job.submission_id for job in self._client.list_jobs() if job.submission_id]


def _command(*words: str) -> str:
    """For a shell, in whose place it runs: so it is the one that is told to stop."""
    return "exec " + shlex.join(["python", "-m", "search", *words])


def _line(error: Exception) -> str:
    return first_line(error).rstrip(".")
