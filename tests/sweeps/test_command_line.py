"""Whole sweeps through the command line: killed, interrupted, on a full disk, with a store that is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from search.journal.events import Decided, EpochDone, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY
from tests.support.command_line import LAUNCH, LONG, Tool, assert_complete, assert_recorded
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.e2e


def test_a_driver_killed_in_the_middle_is_resumed_with_nothing_lost_and_nothing_twice(tool: Tool) -> None:
    process = tool.start(*LONG)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = tool.run("resume", "sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert "Best configuration: trial" in resumed.stdout
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
    assert_recorded(tool.folder / "sweeps", len(started), len(done))


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
    sockets = [
        (member, socket)
        for member in family
        for socket in member.net_connections("tcp")
        if socket.status == psutil.CONN_LISTEN
    ]
    door = next(socket.laddr.port for member, socket in sockets if member.name() == "gcs_server")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")} | {
        "HOME": str(tmp_path)
    }
    answers = []
    for credentials in ({}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "another-token-than-the-sweep-has"}):
        command = [sys.executable, "-c", STRANGER, f"127.0.0.1:{door}"]
        attempt = subprocess.run(command, env=environment | credentials, capture_output=True, text=True, check=False)
        answers.append(attempt.stdout)
    process.send_signal(signal.SIGINT)
    process.wait(DEADLINE_SECONDS)
    assert {socket.laddr.ip.removeprefix("::ffff:") for _, socket in sockets} == {"127.0.0.1"}
    assert answers == ["AuthenticationError\n"] * 2


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
