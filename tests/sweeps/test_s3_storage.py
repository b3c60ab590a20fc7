"""Sweeps whose storage is a bucket of a real S3 server: a machine lost, the server away, an object damaged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.storage import remote_sweep
from search.storage.object_store import Storage
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT
from tests.support.programs import CEPH
from tests.support.s3_server import KEY, SECRET, S3Server, free_port
from tests.support.waiting import DEADLINE_SECONDS, wait_until
from trainables.checkpoint import CHECKSUMS

pytestmark = pytest.mark.e2e
LAUNCH = ["launch", "--recipe", "trouble:Trouble", "--preset", "tiny", "--name", "sweep", "--trials", "3"]
LAUNCH += ["--workers", "1", "--scheduler", "stopping", "--grace-epochs", "4", "--seed", "4"]
LAUNCH += ["--confirm-top", "0", "--set", "epochs=12", "--set", "pause=0.4"]
"""One worker at a time, so that all of these sweeps decide alike: trial 1 stops at the rung, trials 0 and 2 go on."""
BEFORE_LAST = 12 + 4
"""Epochs of trials 0 and 1; while trial 2 runs, there is nothing left to draw."""
OUTAGE_SECONDS = 10


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    CEPH.require()
    server = S3Server()
    try:
        server.start()
        with pytest.MonkeyPatch.context() as environment:
            for name, value in server.environment.items():  # these tests look into the bucket too
                environment.setenv(name, value)
            yield server
    finally:
        server.close()


class Machine:
    """A folder that no other machine sees, and what is typed there."""

    def __init__(self, folder: Path, server: S3Server, prefix: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.uri = server.uri.replace("/sweeps?", f"/{prefix}?")
        paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
        self.env = os.environ | server.environment | {"PYTHONPATH": paths, "COLUMNS": "200", "HOME": str(folder)}
        del self.env["STEADYTUNE_CACHE"]  # the cache is in the home folder, as on a machine of its own

    def start(self, *words: str) -> subprocess.Popen[str]:
        with (self.folder / "output.txt").open("a") as output:
            command = [sys.executable, "-m", "search", *words, "--storage", self.uri]
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=output, stderr=output, text=True)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "search", *words, "--storage", self.uri]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    @property
    def sweep(self) -> SweepFolder:
        return SweepFolder(self.folder / "sweeps", "sweep")

    def output(self) -> str:
        path = self.folder / "output.txt"
        return path.read_text() if path.exists() else ""

    def await_epochs(self, count: int) -> None:
        wait_until(lambda: len(epochs(self.sweep)) >= count, self.output)

    def await_stored_epochs(self, count: int, looks_on: Path) -> None:
        """The same of the bucket's journal."""
        self.await_epochs(count)
        wait_until(lambda: len(epochs(remote_sweep.fetch(looks_on, "sweep", self.uri))) >= count, self.output)


def lose(process: subprocess.Popen[str]) -> None:
    """`kill -9` of a process and all that it started, as when the machine is lost; nothing of it writes any more."""
    driver = psutil.Process(process.pid)
    doomed = [driver, *driver.children(recursive=True)]
    for member in doomed:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs(doomed, timeout=DEADLINE_SECONDS)


def epochs(folder: SweepFolder) -> list[tuple[int, int]]:
    rows = read(folder.journal) if folder.journal.is_dir() else ()
    return [(row.event.trial, row.event.epoch) for row in rows if isinstance(row.event, EpochDone)]


def data_of(server: S3Server) -> str:
    """A data set in the bucket."""
    uri = server.uri.replace("/sweeps?", "/data?")
    Storage(uri).write("clips/a.txt", b"a")
    return uri


def decisions(folder: SweepFolder) -> dict[int, list[Any]]:
    """By trial, with what it was started and what was decided; each epoch must be there once."""
    events = [row.event for row in read(folder.journal)]
    done = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    assert set(done.values()) == {1}
    logs: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, TrialStarted):
            assert event.trial not in logs
            logs[event.trial] = [event.kind, event.settings]
        elif isinstance(event, Decided):
            logs[event.trial].append((event.epoch, event.action, event.reason, event.numbers))
    for trial, log in logs.items():
        assert [entry[1] for entry in log[2:]].count("stop") == 1
        assert {epoch for number, epoch in done if number == trial} == set(range(1, log[-1][0] + 1))
    return logs


@pytest.fixture(scope="module")
def unbroken(server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The sweep as it goes when nothing happens."""
    machine = Machine(tmp_path_factory.mktemp("unbroken"), server, "unbroken")
    done = machine.run(*LAUNCH, "--data", data_of(server))
    assert done.returncode == 0, done.stderr
    return machine


def test_a_sweep_leaves_its_journal_its_winner_and_few_checkpoints_in_the_bucket(unbroken: Machine) -> None:
    storage = Storage(unbroken.uri, "sweep")
    names = storage.list_files()
    assert {"sweep.yaml", "best/settings.yaml", "best/checkpoint/state.json"} <= names.keys()
    assert {Path(name).name for name in storage.list_files("journal")} == {
        path.name for path in unbroken.sweep.journal.iterdir()
    }
    checkpoints = remote_sweep.list_checkpoints(storage)
    assert checkpoints == remote_sweep.complete(checkpoints)
    assert 1 <= len(checkpoints) <= 3
    assert len(list(unbroken.folder.glob(".cache/steadytune/*/data/clips/a.txt"))) == 1
    assert unbroken.sweep.spec().data_fingerprint
    assert [log[-1][0] for log in decisions(unbroken.sweep).values()] == [12, 4, 12]
    for path in unbroken.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert not any(SECRET.encode() in storage.read(name) for name in names)


def test_any_machine_can_look_at_it_and_export_it(unbroken: Machine, server: S3Server, tmp_path: Path) -> None:
    laptop = Machine(tmp_path, server, "unbroken")
    shown = laptop.run("explain", "sweep", "0")
    assert shown.stdout.startswith("Trial 0 plain"), shown.stderr
    exported = laptop.run("export", "sweep")
    assert exported.returncode == 0, exported.stderr
    ours, theirs = laptop.sweep.best, unbroken.sweep.best
    for name in ("settings.yaml", "checkpoint/state.json", "checkpoint/checksums.txt"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    again = laptop.run("resume", "sweep")
    assert again.stderr.splitlines()[-1].startswith("steadytune: sweep sweep has ended")


def test_a_sweep_whose_machine_is_lost_continues_elsewhere_with_the_same_decisions(
    unbroken: Machine, server: S3Server, tmp_path: Path
) -> None:
    """The newest checkpoint of the trial that is running then is damaged, too."""
    lost, other = (Machine(tmp_path / name, server, "lost") for name in ("lost", "other"))
    process = lost.start(*LAUNCH, "--data", data_of(server))
    lost.await_stored_epochs(BEFORE_LAST + 2, tmp_path / "looks on")
    lose(process)
    shutil.rmtree(lost.folder)
    trial, epoch = epochs(remote_sweep.fetch(tmp_path / "looks on", "sweep", other.uri))[-1]
    assert trial == 2
    assert 2 <= epoch < 12
    storage = Storage(other.uri, "sweep")
    storage.write(f"{remote_sweep.checkpoint_name(trial, epoch)}/state.json", b'{"epoch": 9999}')
    resumed = other.run("resume", "sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert "Best configuration: trial" in resumed.stdout
    assert decisions(other.sweep) == decisions(unbroken.sweep)
    log = (other.sweep.trials / f"{trial:04d}" / "log.txt").read_text()
    assert "has changed since it was written" in log
    checkpoints = remote_sweep.list_checkpoints(storage)
    assert checkpoints == remote_sweep.complete(checkpoints)
    assert len(checkpoints) <= 3
    assert all(f"{name}/{CHECKSUMS}" in files for name, files in checkpoints.items())


def test_a_server_that_is_away_for_a_while_delays_the_sweep_and_loses_nothing(
    unbroken: Machine, server: S3Server, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, server, "away")
    process = machine.start(*LAUNCH, "--data", data_of(server))
    machine.await_epochs(5)
    server.kill_gateway()
    try:
        time.sleep(OUTAGE_SECONDS)
    finally:
        server.start_gateway()
    assert process.wait(DEADLINE_SECONDS) == 0, machine.output()
    # Once, unless the gateway, which starts on a busy machine, lets requests wait longer than the client does.
    assert machine.output().count("The storage does not answer; nothing is lost") >= 1
    assert machine.output().count("The storage answers again") == machine.output().count("The storage does not answer")
    assert decisions(machine.sweep) == decisions(unbroken.sweep)


class RayCluster:
    """A head and a node that can be lost, with the sweep that was submitted to them."""

    def __init__(self, machine: Machine) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "the-token-of-this-test-and-no-other"}
        machine.env |= token | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        command = [sys.executable, str(SUPPORT / "raylets.py"), "1"]
        with (machine.folder / "cluster.log").open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=machine.folder,
                env=machine.env | {"PYTHONPATH": str(SUPPORT)},  # steadytune comes with the job
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.jobs = json.loads(self.process.stdout.readline())["jobs"]


def test_a_submitted_sweep_whose_whole_cluster_is_lost_continues_on_a_new_one(
    unbroken: Machine, server: S3Server, tmp_path: Path
) -> None:
    lost, other = (Machine(tmp_path / name, server, "cluster") for name in ("lost", "other"))
    first = RayCluster(lost)
    try:
        submitted = lost.run(*LAUNCH, "--data", data_of(server), "--address", first.jobs, "--detach")
        assert submitted.returncode == 0, submitted.stderr
        lost.await_stored_epochs(BEFORE_LAST + 2, tmp_path / "looks on")
    finally:
        lose(first.process)  # the sweep's driver and workers with it
    shutil.rmtree(lost.folder)
    second = RayCluster(other)
    try:
        resumed = other.run("resume", "sweep", "--address", second.jobs)
        assert resumed.returncode == 0, resumed.stderr
        assert "Best configuration: trial" in resumed.stdout
    finally:
        lose(second.process)
    assert decisions(other.sweep) == decisions(unbroken.sweep)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            {"AWS_SECRET_ACCESS_KEY": "wrong"},
            "ACCESS_DENIED.*set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        ({"bucket": "nobucket"}, "NO_SUCH_BUCKET.*make the bucket, or correct its name"),
        ({"port": ""}, "NETWORK_CONNECTION.*start the server, or correct endpoint_override"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_refused_before_anything_is_written(
    server: S3Server, tmp_path: Path, wrong: dict[str, str], why: str
) -> None:
    machine = Machine(tmp_path, server, "refused")
    if "bucket" in wrong:
        machine.uri = machine.uri.replace("s3://bucket/", "s3://nobucket/")
    elif "port" in wrong:
        machine.uri = f"s3://bucket/sweeps?endpoint_override={quote(f'http://127.0.0.1:{free_port()}', safe='')}"
    else:
        machine.env |= wrong
    result = machine.run(*LAUNCH, "--data", ".")
    assert result.returncode == 2
    assert re.search(rf"^steadytune: storage is {re.escape(machine.uri)}; it cannot be used .*{why}", result.stderr)
    assert len(result.stderr.splitlines()) == 1
    assert KEY not in result.stderr
    assert not (tmp_path / "sweeps" / "sweep").exists()
