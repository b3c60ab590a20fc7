"""How a sweep's job is called and what it is given; that it runs is shown in tests/sweeps/."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.execution import jobs
from search.execution.jobs import Jobs, job_id, last_number, portable
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


class AgentlessClient:
    """Answers as a head whose agent found its port taken."""

    def list_jobs(self) -> list[object]:
        return []

    def submit_job(self, **_: object) -> str:
        raise RuntimeError("Request failed with status code 500: No available agent to submit job, please try again")


def test_a_head_whose_agent_found_its_port_taken_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = object.__new__(Jobs)  # no cluster is asked
    cluster._client, cluster.address = AgentlessClient(), "http://head:8265"
    monkeypatch.setattr(jobs, "AGENT_SECONDS", 0.0)
    with pytest.raises(SteadytuneError, match=r"could not be submitted to http://head:8265 .*listen-port 0$"):
        cluster.submit("cattle", tmp_path, None)
