"""How a sweep's job is called and what it is given; that it runs is shown in tests/sweeps/."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ray.job_submission import JobStatus, JobSubmissionClient

from search.execution import jobs
from search.execution.job_protocol import ERROR_PREFIX, TRAINING_STATUS, announce_training
from search.execution.jobs import Jobs, job_id, last_number, portable
from search.sweep.environment import JOB
from search.sweep.spec import read_spec
from trainables.errors import SteadytuneError


def test_the_newest_job_of_a_sweep_is_found_by_its_name() -> None:
    ids = ["steadytune-cattle-1", "steadytune-cattle-10", "steadytune-cattle-2", "steadytune-cattle-2-3", "raysubmit_x"]
    assert last_number("cattle", ids) == 10
    assert last_number("cattle-2", ids) == 3
    assert last_number("cows", ids) == 0
    assert last_number("cat.le", ids) == 0
    assert job_id("cattle", 11) == "steadytune-cattle-11"


def test_a_sweep_that_travels_depends_on_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old" / "one").mkdir(parents=True)
    (tmp_path / "old" / "one" / "sweep.yaml").touch()
    fields = {"name": "n", "recipe": "r", "data": "d/data.yaml", "warm_start": ["old/one", "two"]}
    spec = portable(read_spec(fields | {"store": "sqlite:///m.db", "address": "auto"}, "test"), "http://head:8265")
    assert spec.data == str(tmp_path / "d" / "data.yaml")
    assert spec.warm_start == [str(tmp_path / "old" / "one"), "two"]
    assert spec.store == f"sqlite:///{tmp_path / 'm.db'}"
    assert spec.address == "http://head:8265"


class FakeClient:
    """A job server in memory: its jobs' states and logs, and what was submitted to it."""

    def __init__(self, *, states: dict[str, str] | None = None, chunks: Iterable[str] = (), agent: bool = True) -> None:
        self.states = states or {}
        self.chunks = list(chunks)
        self.agent = agent
        self.submitted: list[dict[str, Any]] = []

    def get_address(self) -> str:
        return "http://head:8265"

    def list_jobs(self) -> list[Any]:
        return [SimpleNamespace(submission_id=job) for job in self.states]

    def get_job_status(self, job: str) -> JobStatus:
        return JobStatus(self.states[job])

    def get_job_logs(self, job: str) -> str:
        return "".join(self.chunks)

    async def tail_job_logs(self, job: str) -> AsyncIterator[str]:
        for chunk in self.chunks:
            yield chunk

    def submit_job(self, **job: Any) -> str:
        if not self.agent:  # its port was taken
            raise RuntimeError("Request failed with status code 500: No available agent to submit job, try again")
        self.submitted.append(job)
        return str(job["submission_id"])


def jobs_of(client: FakeClient) -> Jobs:
    return Jobs(cast(JobSubmissionClient, client))


def test_a_launch_carries_its_description_and_a_resume_only_the_name(tmp_path: Path) -> None:
    client = FakeClient(states={"steadytune-cattle-1": "STOPPED"})
    spec = read_spec({"name": "cattle", "recipe": "r", "data": "/d"}, "test")
    assert jobs_of(client).submit("cattle", tmp_path, spec) == "steadytune-cattle-2"
    jobs_of(client).submit("cattle", tmp_path, None, "s3://bucket/sweeps")
    launched, resumed = client.submitted
    assert launched["entrypoint"].startswith("exec python -m search launch /dev/stdin --sweeps ")
    described = launched["runtime_env"]["env_vars"]["STEADYTUNE_SWEEP"]
    assert "name: cattle" in described
    assert "scheduler" not in described, "a default is not asked for, so a recipe may have another one"
    assert launched["runtime_env"]["env_vars"]["STEADYTUNE_JOB"] == "steadytune-cattle-2"
    assert resumed["entrypoint"] == (
        f"exec python -m search resume cattle --address http://head:8265 --sweeps {tmp_path} --storage s3://bucket/sweeps"
    )


def test_a_sweep_that_runs_is_not_submitted_again(tmp_path: Path) -> None:
    client = FakeClient(states={"steadytune-cattle-1": "RUNNING"})
    with pytest.raises(SteadytuneError, match="sweep cattle runs already as job steadytune-cattle-1"):
        jobs_of(client).submit("cattle", tmp_path, None)


def test_the_error_for_a_head_whose_agent_found_its_port_taken_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "AGENT_SECONDS", 0.0)
    with pytest.raises(SteadytuneError, match=r"could not be submitted to http://head:8265 .*listen-port 0$"):
        jobs_of(FakeClient(agent=False)).submit("cattle", tmp_path, None)


STATUS = f"{TRAINING_STATUS}\n"


@pytest.mark.parametrize(
    "chunks",
    [["Sweep n\n", STATUS, "trial 0\n"], ["Sweep n\n" + STATUS[:9], STATUS[9:] + "tri", "al 0\n"]],
    ids=["a line at a time", "cut anywhere"],
)
def test_the_status_line_announces_the_start_and_is_hidden(chunks: list[str]) -> None:
    started = jobs_of(FakeClient(states={"job": "RUNNING"}, chunks=chunks))
    started.await_start("job")
    assert list(started.follow("job")) == ["Sweep n\n", "trial 0\n"]
    assert started.log("job") == "Sweep n\ntrial 0\n"


def test_what_a_job_prints_without_a_line_end_is_shown_when_it_ends() -> None:
    assert list(jobs_of(FakeClient(chunks=["one\ntw", "o"])).follow("job")) == ["one\n", "two"]


def test_words_of_a_view_do_not_count_as_a_start() -> None:
    refused = FakeClient(
        states={"job": "FAILED"},
        chunks=["The sweep runs: 2 trials at a time.\n", f"{ERROR_PREFIX}data is x; there is no such file\n"],
    )
    with pytest.raises(SteadytuneError, match=r"^job job failed: data is x; there is no such file$"):
        jobs_of(refused).await_start("job")


def test_only_a_job_announces_that_it_trains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(JOB, raising=False)
    announce_training()
    assert capsys.readouterr().out == ""
    monkeypatch.setenv(JOB, "steadytune-cattle-1")
    announce_training()
    assert capsys.readouterr().out == STATUS
