"""Whole sweeps whose Ray on this machine is killed: they go on by themselves."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from search.execution.ray_folder import session_folder
from tests.support.command_line import LAUNCH, Tool, assert_complete
from tests.support.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.e2e
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
    driver = tool.start(*SLOW, epochs=3)
    dead = kill_head(driver)
    assert any(process.name().startswith("ray::") for process in dead), "a worker is among them"
    wait_until(lambda: tool.output().count("The sweep runs") == 2 or driver.poll() is not None, tool.output)
    alive = [process for process in dead if process.is_running() and process.status() != "zombie"]
    assert driver.wait(DEADLINE_SECONDS) == 0, tool.output()
    assert alive == []
    assert f"\nRay's process gcs_server {GOES_ON}\n" in tool.output()
    assert "Best configuration: trial" in tool.output()
    assert "Traceback" not in tool.output()
    assert_complete(tool.folder / "sweeps")
    assert ray_sessions(driver) == []


def test_a_sweep_that_went_on_by_itself_can_be_interrupted(tool: Tool) -> None:
    driver = tool.start(*SLOW, epochs=3)
    kill_head(driver, "raylet")
    wait_until(lambda: tool.output().count("The sweep runs") == 2 or driver.poll() is not None, tool.output)
    epochs = tool.epochs()
    wait_until(lambda: tool.epochs() > epochs or driver.poll() is not None, tool.output)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(DEADLINE_SECONDS) == 130, tool.output()
    assert f"\nRay's process raylet {GOES_ON}\n" in tool.output()
    assert ray_sessions(driver) == []


def test_a_sweep_whose_ray_dies_again_before_an_epoch_ends(tool: Tool) -> None:
    driver = tool.start(*SLOW, epochs=3)
    kill_head(driver)
    wait_until(lambda: tool.output().count("The sweep runs") == 2 or driver.poll() is not None, tool.output)
    kill_head(driver)
    assert driver.wait(DEADLINE_SECONDS) == 2, tool.output()
    last = tool.output().splitlines()[-1]
    assert last == (
        "steadytune: Ray's process gcs_server on this machine has died again, before another epoch was recorded; "
        "nothing is lost, resume with: steadytune resume sweep"
    )
    assert tool.output().count(GOES_ON) == 1
    resumed = tool.run("resume", "sweep")
    assert resumed.returncode == 0, resumed.stderr
    assert_complete(tool.folder / "sweeps")
