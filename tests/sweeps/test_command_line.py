"""Whole sweeps through the command line: killed, interrupted, on a full disk, with a store that is away."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from search.execution.ray_folder import session_folder
from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT
from tests.support.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.e2e
LAUNCH = ["launch", "--recipe", "trouble:Trouble", "--preset", "tiny", "--data", ".", "--name", "sweep"]
LONG = [*LAUNCH, "--set", "epochs=20", "--set", "pause=0.2", "--trials", "5", "--confirm-seeds", "1"]


class Tool:
    """Runs steadytune in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
        self.env = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        command = [sys.executable, "-m", "search", *words]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)

    def start(self, *words: str, epochs: int = 12) -> subprocess.Popen[str]:
        """Start in a process group of its own and return when so many epochs are in the journal."""
        command = [sys.executable, "-m", "search", *words]
        output = (self.folder / "output.txt").open("w", encoding="utf-8")
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
            # A foreground job: whoever starts the tests in the background has Ctrl-C ignored, which is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        wait_until(lambda: process.poll() is not None or self.epochs() >= epochs, self.output)
        assert self.epochs() >= epochs, self.output()
        return process

    def epochs(self) -> int:
        """How many a started process has journalled."""
        journal = self.folder / "sweeps" / "sweep" / "journal"
        return sum(isinstance(row.event, EpochDone) for row in read(journal)) if journal.is_dir() else 0

    def output(self) -> str:
        """What a started process has printed."""
        return (self.folder / "output.txt").read_text()


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    return Tool(tmp_path)


def assert_complete(root: Path) -> None:
    """Every trial ended once, no epoch twice, and MLflow has exactly what the journal has."""
    events = [row.event for row in read(SweepFolder(root, "sweep").journal)]
    started = Counter(event.trial for event in events if isinstance(event, TrialStarted))
    stopped = Counter(event.trial for event in events if isinstance(event, Decided) and event.action == "stop")
    done = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    assert started == stopped
    assert set(started.values()) == {1}
    assert set(done.values()) == {1}
    for trial in started:
        epochs_of_trial = sorted(epoch for number, epoch in done if number == trial)
        assert epochs_of_trial == list(range(1, len(epochs_of_trial) + 1)), f"trial {trial} has a hole"
    database = sqlite3.connect(root / "mlflow.db")
    assert database.execute("select count(*) from runs").fetchone() == (len(started) + 1,)
    assert database.execute("select count(*) from runs where status = 'RUNNING'").fetchone() == (0,)
    recorded = database.execute(
        "select count(*), count(distinct run_uuid || '/' || step) from metrics where key = 'score'"
    )
    assert recorded.fetchone() == (len(done), len(done))


def test_a_driver_killed_in_the_middle_is_resumed_with_nothing_lost_and_nothing_twice(tool: Tool) -> None:
    process = tool.start(*LONG)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = tool.run("resume", "sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert "Best configuration: trial" in resumed.stdout
    assert_complete(tool.folder / "sweeps")


SLOW = [*LAUNCH, "--set", "epochs=8", "--set", "pause=2", "--trials", "3", "--confirm-seeds", "1"]
"""It lasts long enough that a test on a busy machine comes in time to kill something."""
GOES_ON = "on this machine has died; the sweep goes on by itself, from what it has recorded."


def kill_head(driver: subprocess.Popen[str], name: str = "gcs_server") -> list[psutil.Process]:
    """Kill a process of Ray's head; returns those that Ray had."""
    processes = [child for child in psutil.Process(driver.pid).children(recursive=True) if child.name() != "python"]
    next(process for process in processes if process.name() == name and process.status() != "zombie").kill()
    return processes


def ray_sessions(driver: subprocess.Popen[str]) -> list[Path]:
    return list(session_folder().glob(f"session_2*_{driver.pid}"))


def test_a_sweep_whose_ray_is_killed_goes_on_by_itself_to_its_end(tool: Tool) -> None:
    process = tool.start(*SLOW, epochs=3)
    dead = kill_head(process)
    assert any(one.name().startswith("ray::") for one in dead), "a worker is among them"
    wait_until(lambda: tool.output().count("The sweep runs") == 2 or process.poll() is not None, tool.output)
    alive = [one for one in dead if one.is_running() and one.status() != "zombie"]
    assert process.wait(DEADLINE_SECONDS) == 0, tool.output()
    assert alive == []
    assert f"\nRay's process gcs_server {GOES_ON}\n" in tool.output()
    assert "Best configuration: trial" in tool.output()
    assert "Traceback" not in tool.output()
    assert_complete(tool.folder / "sweeps")
    assert ray_sessions(process) == []


def test_a_sweep_that_went_on_by_itself_can_be_interrupted(tool: Tool) -> None:
    process = tool.start(*SLOW, epochs=3)
    kill_head(process, "raylet")
    wait_until(lambda: tool.output().count("The sweep runs") == 2 or process.poll() is not None, tool.output)
    epochs = tool.epochs()
    wait_until(lambda: tool.epochs() > epochs or process.poll() is not None, tool.output)
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_SECONDS) == 130, tool.output()
    assert f"\nRay's process raylet {GOES_ON}\n" in tool.output()
    assert ray_sessions(process) == []


def test_a_sweep_whose_ray_dies_again_before_an_epoch_ends(tool: Tool) -> None:
    process = tool.start(*SLOW, epochs=3)
    kill_head(process)
    wait_until(lambda: tool.output().count("The sweep runs") == 2 or process.poll() is not None, tool.output)
    kill_head(process)
    assert process.wait(DEADLINE_SECONDS) == 2, tool.output()
    last = tool.output().splitlines()[-1]
    assert last == (
        "steadytune: Ray's process gcs_server on this machine has died again, before another epoch was recorded; "
        "nothing is lost, resume with: steadytune resume sweep"
    )
    assert tool.output().count(GOES_ON) == 1
    resumed = tool.run("resume", "sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert_complete(tool.folder / "sweeps")


def test_a_sweep_that_has_ended_is_given_more_trials(tool: Tool) -> None:
    assert tool.run(*LONG).returncode == 0
    nothing = tool.run("resume", "sweep")
    assert nothing.returncode == 2
    assert "sweep sweep has ended; give it more to do, such as `steadytune resume sweep --trials 10`" in nothing.stderr
    more = tool.run("resume", "sweep", "--trials", "9")
    assert more.returncode == 0, more.stderr
    assert "Best configuration: trial" in more.stdout
    events = [row.event for row in read(SweepFolder(tool.folder / "sweeps", "sweep").journal)]
    started = [event for event in events if isinstance(event, TrialStarted)]
    assert sum(event.kind == "search" for event in started) == 9
    ended = {event.trial for event in events if isinstance(event, Decided) and event.action == "stop"}
    assert ended == {event.trial for event in started}
    done = Counter((event.trial, event.epoch) for event in events if isinstance(event, EpochDone))
    assert set(done.values()) == {1}
    database = sqlite3.connect(tool.folder / "sweeps" / "mlflow.db")
    assert database.execute("select count(*) from runs").fetchone() == (len(started) + 1,)
    assert database.execute("select count(*) from runs where status = 'RUNNING'").fetchone() == (0,)
    recorded = "select count(*), count(distinct run_uuid || '/' || step) from metrics where key = 'score'"
    assert database.execute(recorded).fetchone() == (len(done), len(done))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_sweep_ends_soon_and_says_how_to_go_on(tool: Tool, how: signal.Signals) -> None:
    """Also if Ctrl-C is pressed again and again."""
    process = tool.start(*LONG)
    deadline = time.monotonic() + DEADLINE_SECONDS
    if how is signal.SIGINT:
        while process.poll() is None and time.monotonic() < deadline:
            os.killpg(process.pid, how)
            time.sleep(0.2)
    else:  # while Ray shuts down, for a second, SIGTERM has its default action again: once
        process.send_signal(how)
        process.wait(DEADLINE_SECONDS)
    assert process.poll() == 130
    last = tool.output().splitlines()[-1]
    assert last == "steadytune: interrupted; nothing is lost, resume with: steadytune resume sweep"
    assert "Traceback" not in tool.output()
    assert tool.run("status", "sweep").returncode == 0


STRANGER = """
import sys
from ray._private.services import GcsClient
try:
    GcsClient(address=sys.argv[1])
    print("welcome")
except Exception as error:
    print(type(error).__name__)
"""


def test_a_sweep_on_this_machine_listens_on_loopback_only_and_turns_away_who_has_no_token(
    tool: Tool, tmp_path: Path
) -> None:
    process = tool.start(*LONG)
    driver = psutil.Process(process.pid)
    family = [driver, *driver.children(recursive=True)]
    sockets = [(own, one) for own in family for one in own.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    door = next(one.laddr.port for own, one in sockets if own.name() == "gcs_server")
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")} | {
        "HOME": str(tmp_path)
    }
    said = []
    for more in ({}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "another-token-than-the-sweep-has"}):
        command = [sys.executable, "-c", STRANGER, f"127.0.0.1:{door}"]
        asked = subprocess.run(command, env=own | more, capture_output=True, text=True, check=False)
        said.append(asked.stdout)
    process.send_signal(signal.SIGINT)
    process.wait(DEADLINE_SECONDS)
    assert {one.laddr.ip.removeprefix("::ffff:") for _, one in sockets} == {"127.0.0.1"}
    assert said == ["AuthenticationError\n"] * 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 megabytes, where a tool's sweeps lie."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    folder = tmp_path / "sweeps"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this container may not mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_sweep_with_one_sentence_and_can_be_resumed(tool: Tool, small_disk: Path) -> None:
    process = tool.start(*LONG)
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    assert process.wait(DEADLINE_SECONDS) == 2, tool.output()
    assert "Traceback" not in tool.output()
    assert "disk is full" in tool.output().splitlines()[-1]
    ballast.unlink()
    resumed = tool.run("resume", "sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert_complete(small_disk)


def test_a_store_that_does_not_answer_is_refused_before_anything_is_written(tool: Tool) -> None:
    launched = tool.run(*LAUNCH, "--store", "http://127.0.0.1:9")
    assert launched.returncode == 2
    assert "http://127.0.0.1:9; no MLflow server answers there" in launched.stderr
    assert not (tool.folder / "sweeps").exists()


def test_a_share_of_a_gpu_is_not_sought_where_there_is_none(tool: Tool) -> None:
    tool.env["CUDA_VISIBLE_DEVICES"] = ""
    launched = tool.run(*LAUNCH, "--gpus", "auto")
    assert launched.returncode == 2
    assert "gpus is auto, but this machine has no GPU" in launched.stderr
    assert not (tool.folder / "sweeps" / "sweep").exists()


def test_a_name_that_exists_is_refused(tool: Tool) -> None:
    folder = tool.folder / "sweeps" / "sweep"
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").write_text("name: sweep\n")
    launched = tool.run(*LAUNCH)
    assert launched.returncode == 2
    assert "exists, with a sweep; give another name" in launched.stderr


def test_the_recipe_of_the_documentation_sweeps(tool: Tool) -> None:
    tool.env["PYTHONPATH"] += os.pathsep + str(REPOSITORY / "docs" / "examples")
    assert tool.run("sample", "rings:Rings", "rings").returncode == 0
    words = ["launch", "--recipe", "rings:Rings", "--preset", "tiny", "--data", "rings/rings.csv", "--trials", "5"]
    launched = tool.run(*words, "--name", "rings")
    assert launched.returncode == 0, launched.stderr
    assert (tool.folder / "sweeps" / "rings" / "best" / "rings.json").is_file()
