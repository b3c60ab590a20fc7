"""A sweep on a cluster of three raylets: submitted, watched, killed, stopped and resumed by its name alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT
from tests.support.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.e2e
TOKEN = "the-token-of-this-test-and-no-other"
LAUNCH = ["launch", "--recipe", "trouble:Trouble", "--preset", "tiny", "--data", ".", "--confirm-top", "0"]
SLOW = ["--set", "epochs=20", "--set", "pause=0.3"]


@dataclass
class Cluster:
    """A head without CPUs and two nodes of one CPU each, and a terminal somewhere that knows the token."""

    process: subprocess.Popen[str]
    address: str
    jobs: str
    folder: Path
    env: dict[str, str]

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run steadytune to its end in the folder that all nodes share."""
        command = [sys.executable, "-m", "search", *words]
        paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
        environment = {**self.env, "PYTHONPATH": paths, "COLUMNS": "200"} | env
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def kill(self, node: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(node, file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "killed\n"

    def events(self, name: str) -> list[object]:
        journal = SweepFolder(self.folder / "sweeps", name).journal
        return [row.event for row in read(journal)] if journal.is_dir() else []

    def await_epochs(self, name: str, count: int) -> None:
        wait_until(
            lambda: sum(isinstance(event, EpochDone) for event in self.events(name)) >= count,
            lambda: self.run("logs", name).stdout,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("shared")
    home = tmp_path_factory.mktemp("home")
    env = os.environ | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(SUPPORT),  # the recipe is installed on every node; steadytune comes with the job
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, str(SUPPORT / "raylets.py"), "2"]
    with (home / "cluster.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=home, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        assert process.stdin is not None
        where = json.loads(process.stdout.readline())
        yield Cluster(process, where["address"], where["jobs"], folder, env)
        process.stdin.close()
        process.wait(DEADLINE_SECONDS)


def without_token(cluster: Cluster, tmp_path: Path) -> Cluster:
    """The same cluster, seen by somebody who was not told its token."""
    env = {name: value for name, value in cluster.env.items() if not name.startswith("RAY_AUTH")}
    return Cluster(cluster.process, cluster.address, cluster.jobs, cluster.folder, env | {"HOME": str(tmp_path)})


@pytest.mark.parametrize("wrong", [{}, {"RAY_AUTH_TOKEN": "another-token-than-the-cluster-has"}])
@pytest.mark.parametrize("how", ["jobs", "address"])
def test_a_driver_without_the_token_is_told_what_to_set(
    cluster: Cluster, tmp_path: Path, how: str, wrong: dict[str, str]
) -> None:
    stranger = without_token(cluster, tmp_path)
    result = stranger.run(*LAUNCH, "--name", "stranger", "--address", getattr(cluster, how), **wrong)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    why = "refuses the token of this driver" if wrong else "asks for a token, and this driver has none"
    sentence = result.stderr.splitlines()[-1]
    assert sentence.startswith(f"steadytune: address is {getattr(cluster, how)}; the cluster there {why}; set RAY_AUTH")
    assert not (cluster.folder / "sweeps" / "stranger").exists()


def test_what_is_wrong_with_a_sweep_is_said_where_it_was_submitted(cluster: Cluster) -> None:
    result = cluster.run(*LAUNCH, "--data", "nowhere", "--name", "wrong", "--address", cluster.jobs, "--detach")
    assert result.returncode == 2
    assert "job steadytune-wrong-1 failed: data is" in result.stderr
    assert "no such file or folder" in result.stderr


def test_a_submitted_sweep_is_paused_and_resumed_by_its_name(cluster: Cluster) -> None:
    launched = cluster.run(
        *LAUNCH, *SLOW, "--trials", "2", "--name", "paused", "--address", cluster.address, "--detach"
    )
    assert launched.returncode == 0, launched.stderr
    again = cluster.run(*LAUNCH, "--name", "paused", "--address", cluster.jobs)
    assert "sweep paused runs already as job steadytune-paused-1" in again.stderr
    cluster.await_epochs("paused", 6)
    paused = cluster.run("pause", "paused")
    assert "job steadytune-paused-1 paused; nothing is lost, resume with: steadytune resume paused" in paused.stdout
    resumed = cluster.run("resume", "paused")
    assert resumed.returncode == 0, resumed.stderr
    assert "as job steadytune-paused-2" in resumed.stdout
    assert "Best configuration: trial" in resumed.stdout
    assert_complete(cluster, "paused")


def test_a_submitted_sweep_survives_a_node(cluster: Cluster) -> None:
    """The last test: a node is gone after it."""
    slow = ["--set", "epochs=40", "--set", "pause=0.3", "--trials", "3", "--scheduler", "none"]
    launched = cluster.run(*LAUNCH, *slow, "--name", "sweep", "--address", cluster.jobs, "--detach")
    assert launched.returncode == 0, launched.stderr
    assert "Its trials have started" in launched.stdout
    cluster.await_epochs("sweep", 4)
    assert "job steadytune-sweep-1" in cluster.run("status", "sweep").stdout
    status = cluster.run("status", "sweep", "--address", cluster.jobs, "--sweeps", "/nowhere").stdout
    assert status.endswith(": running\n")
    cluster.kill(0)
    log = cluster.run("logs", "sweep", "--follow")
    assert "Best configuration: trial" in log.stdout, log.stderr
    assert cluster.run("pause", "sweep").stdout.startswith("job steadytune-sweep-1 had already ended (succeeded)")
    assert_complete(cluster, "sweep")
    processes: dict[int, set[float]] = {}
    for event in cluster.events("sweep"):
        if isinstance(event, EpochDone):
            processes.setdefault(event.trial, set()).add(event.metrics["process"])
    assert max(map(len, processes.values())) == 2, "no trial waits here: one that changed its process lost it"
    assert "epoch 1" in cluster.run("logs", "sweep", "0").stdout


def assert_complete(cluster: Cluster, name: str) -> None:
    """Every trial ended once, no epoch twice; the token is in none of the sweep's files."""
    events = cluster.events(name)
    started = Counter(event.trial for event in events if isinstance(event, TrialStarted))
    stopped = Counter(event.trial for event in events if isinstance(event, Decided) and event.action == "stop")
    done = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    assert started == stopped
    assert set(started.values()) == {1}
    assert set(done.values()) == {1}
    for path in (cluster.folder / "sweeps").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(TOKEN.encode() in words for words in commands)
