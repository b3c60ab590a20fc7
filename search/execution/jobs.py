"""Sweeps as Ray jobs: submitted to a cluster's head, where they outlive the terminal.

The job of a sweep is found by the sweep's name alone: `steadytune-NAME-1` is its launch, and each resume adds one to
the number (Ray refuses an id that it has seen before). The sweep's job is the one with the highest number.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shlex
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tenacity
from ray.exceptions import AuthenticationError, RayError
from ray.job_submission import JobStatus, JobSubmissionClient

import search
import spaces
import trainables
from search.execution.auth import authentication_error, use_token
from search.execution.connection import check_address
from search.execution.job_protocol import error_sentence, is_status
from search.next_step import command
from search.sweep.environment import JOB
from search.sweep.spec import SweepSpec
from search.sweep.uri import located, located_store, located_sweep
from trainables.errors import SettingsError, SteadytuneError, first_line

ACTIVE_STATES = ("pending", "running")
STOP_SECONDS = 30.0
"""How long `stop` waits; Ray itself kills a job that has not ended a few seconds after it was asked to."""
AGENT_SECONDS = 60.0
"""How long to wait for the agent that starts jobs: a cluster that has just been started may not have it yet."""
_NO_AGENT = "No available agent"  # Ray's answer as long as there is none
# Ray's agent runs on without its job server if its port is taken (`run` in ray/dashboard/agent.py).
_PORT_HINT = "does another Ray on the head hold port 52365? give `ray start --head` --dashboard-agent-listen-port 0"
_SPEC_VARIABLE = "STEADYTUNE_SWEEP"  # holds the sweep's description in the environment of its job


def job_id(name: str, number: int) -> str:
    """The id of the `number`-th job of sweep `name`, counted from 1."""
    return f"steadytune-{name}-{number}"


def last_number(name: str, ids: Iterable[str]) -> int:
    """The number of the newest job of sweep `name` among `ids`; 0 if there is none."""
    pattern = re.compile(rf"steadytune-{re.escape(name)}-([0-9]+)")
    return max((int(match[1]) for job in ids if (match := pattern.fullmatch(job))), default=0)


def portable(spec: SweepSpec, address: str) -> SweepSpec:
    """`spec` without relative paths, to run at `address` in another working folder."""
    warm_start = [located_sweep(sweep) for sweep in spec.warm_start]
    changed: dict[str, Any] = {"data": located(spec.data), "warm_start": warm_start, "address": address}
    if spec.store:
        changed["store"] = located_store(spec.store)
    return spec.model_copy(update=changed)


def connect(address: str) -> Jobs:
    """The jobs of the cluster at `address`: its job server (http://HEAD:8265) or the cluster itself (auto, HOST:PORT).

    Raises:
        SettingsError: nothing answers there, it has no job server, or it refuses the token.
    """
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):  # Ray would prefer them to the address that we pass
        os.environ.pop(name, None)
    use_token()
    for module in ("dashboard_sdk", "job.sdk"):  # otherwise they log every upload
        logging.getLogger(f"ray.dashboard.modules.{module}").setLevel(logging.ERROR)
    check_address(urlsplit(address).netloc if "://" in address else address)
    try:
        client = JobSubmissionClient(address)
        client.list_jobs()
    except AuthenticationError:
        raise authentication_error(address) from None
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        fix = "its head needs `ray[default]` and its dashboard, http://HEAD:8265"
        raise SettingsError(f"address is {address}; no job server answers there ({_brief(error)}); {fix}") from None
    return Jobs(client)


class Jobs:
    """The sweeps' jobs of one cluster.

    Args:
        client: of the cluster's job server; see `connect`.
    """

    def __init__(self, client: JobSubmissionClient) -> None:
        self._client = client
        self.address: str = client.get_address()

    def submit(
        self, name: str, root: Path, spec: SweepSpec | None, storage: str | None = None, more: Sequence[str] = ()
    ) -> str:
        """Launch a sweep as a job, or resume one; returns the job's id.

        Args:
            name: the sweep's.
            root: folder of the sweeps, as the cluster sees it. A resume from a storage needs nothing of it.
            spec: the sweep to launch; None to resume sweep `name`.
            storage: URI of the storage to resume from.
            more: further options of the resume.

        Raises:
            SteadytuneError: the sweep has a job that runs, or the cluster does not accept jobs.
        """
        if self.running(name):
            pause = command("pause", name, root)
            raise SteadytuneError(f"sweep {name} runs already as job {self.newest(name)}; `{pause}`")
        job = job_id(name, last_number(name, self._ids()) + 1)
        modules = [str(Path(str(package.__file__)).parent) for package in (search, spaces, trainables)]
        environment = {JOB: job, "PYTHONUNBUFFERED": "1"}
        sweeps = str(root.absolute())
        if spec:
            # In the environment and not in a file: a job's working folder may be deleted before the job ends.
            environment[_SPEC_VARIABLE] = portable(spec, self.address).given()
            entrypoint = _command("launch", "/dev/stdin", "--sweeps", sweeps) + f" <<END\n${_SPEC_VARIABLE}\nEND"
        else:
            from_storage = ["--storage", storage] if storage else []
            entrypoint = _command("resume", name, "--address", self.address, "--sweeps", sweeps, *from_storage, *more)
        try:
            self._submit(entrypoint, job, {"py_modules": modules, "env_vars": environment})
        except (RuntimeError, RayError, OSError) as error:
            where = f"{self.address} ({_brief(error)})" + (f"; {_PORT_HINT}" if _lacks_agent(error) else "")
            raise SteadytuneError(f"sweep {name} could not be submitted to {where}") from None
        return job

    def _submit(self, command: str, job: str, runtime_env: dict[str, Any]) -> None:
        """Submit a job, waiting up to `AGENT_SECONDS` for the cluster's agent."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_lacks_agent),
            wait=tenacity.wait_fixed(1.0),
            stop=tenacity.stop_after_delay(AGENT_SECONDS),
            reraise=True,
        )
        retrying(self._client.submit_job, entrypoint=command, submission_id=job, runtime_env=runtime_env)

    def newest(self, name: str) -> str:
        """The id of the sweep's job.

        Raises:
            SteadytuneError: the cluster knows none.
        """
        number = last_number(name, self._ids())
        if not number:
            raise SteadytuneError(
                f"no job of sweep {name} at {self.address}; give the address of the cluster that it runs on"
            )
        return job_id(name, number)

    def state(self, job: str) -> str:
        """The state of the job: pending, running, succeeded, failed or stopped."""
        return str(JobStatus(self._client.get_job_status(job)).value).lower()

    def running(self, name: str) -> bool:
        """Whether a job of the sweep is pending or running."""
        number = last_number(name, self._ids())
        return bool(number) and self.state(job_id(name, number)) in ACTIVE_STATES

    def log(self, job: str) -> str:
        """What the job has printed, without status lines."""
        lines = str(self._client.get_job_logs(job)).splitlines(keepends=True)
        return "".join(line for line in lines if not is_status(line))

    def follow(self, job: str) -> Iterator[str]:
        """The lines that the job prints until it ends, with their line ends and without status lines."""
        return (line for line in self._follow(job) if not is_status(line))

    def _follow(self, job: str) -> Iterator[str]:
        loop = asyncio.new_event_loop()
        chunks: AsyncIterator[str] = self._client.tail_job_logs(job)
        rest = ""
        try:
            while True:
                *lines, rest = (rest + loop.run_until_complete(anext(chunks))).splitlines(keepends=True) or [""]
                if rest.endswith("\n"):
                    lines, rest = [*lines, rest], ""
                yield from lines
        except StopAsyncIteration:
            if rest:
                yield rest
        except (RuntimeError, OSError) as error:
            raise SteadytuneError(
                f"the connection to job {job} was lost ({_brief(error)}); the job may still be running"
            ) from None
        finally:
            loop.run_until_complete(chunks.aclose())  # type: ignore[attr-defined]  # Ray's is a generator
            loop.close()

    def await_start(self, job: str) -> None:
        """Return when the job's trials begin, or when it has ended without an error before that.

        Raises:
            SteadytuneError: the sweep was refused; the message is the job's.
        """
        if not any(map(is_status, self._follow(job))):
            self.check_success(job)

    def check_success(self, job: str) -> None:
        """Check that a job that has ended did so without an error.

        Raises:
            SteadytuneError: it failed or was stopped; the message is the job's.
        """
        if self.state(job) == "succeeded":
            return
        sentence = error_sentence(self.log(job)) or "see its log"
        raise SteadytuneError(f"job {job} {self.state(job)}: {sentence}")

    def stop(self, job: str) -> bool:
        """End the job as Ctrl-C would, and wait until it has ended; returns whether it was running."""
        stopped = bool(self._client.stop_job(job))
        deadline = time.monotonic() + STOP_SECONDS
        while self.state(job) in ACTIVE_STATES and time.monotonic() < deadline:
            time.sleep(0.2)
        return stopped

    def _ids(self) -> list[str]:
        return [job.submission_id for job in self._client.list_jobs() if job.submission_id]


def _lacks_agent(error: BaseException) -> bool:
    return isinstance(error, (RuntimeError, RayError, OSError)) and _NO_AGENT in str(error)


def _command(*arguments: str) -> str:
    """A shell command that becomes the sweep's process (`exec`), so that Ray's signal to stop reaches it."""
    return "exec " + shlex.join(["python", "-m", "search", *arguments])


def _brief(error: Exception) -> str:
    return first_line(error).rstrip(".")
