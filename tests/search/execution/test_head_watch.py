"""A driver whose Ray has died ends at once, and says how to continue, or goes on by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, time
from pathlib import Path
from search.execution import head_watch
from search.execution.succession import SUCCESSION

def succeed(what, sweep, session):
    print(what, sweep, session, flush=True)
    os._exit(7)

polls, seconds, code, goes_on = map(float, sys.argv[1:])
head_watch.POLL_SECONDS = 0.05
alive = iter(range(int(polls)))
if goes_on:
    SUCCESSION.set(succeed)
dead = lambda: [] if next(alive, None) is not None else [("gcs_server", int(code))]
with head_watch.watched_head(Path("/data/cattle"), Path("/tmp/session"), dead):
    time.sleep(seconds)
print("the block has ended")
"""
SENTENCE = (
    "steadytune: Ray's process gcs_server on this machine has died; nothing is lost, resume with: "
    "steadytune resume cattle --sweeps /data"
)


def run(polls: int, seconds: float, code: int = -9, goes_on: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *map(str, (polls, seconds, code, int(goes_on)))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_dead_head_ends_the_driver_with_one_sentence() -> None:
    ended = run(polls=3, seconds=600)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (2, "", SENTENCE)


def test_the_command_line_goes_on() -> None:
    ended = run(polls=3, seconds=600, goes_on=True)
    cause = "Ray's process gcs_server on this machine has died"
    assert (ended.returncode, ended.stdout) == (7, f"{cause} /data/cattle /tmp/session\n"), ended.stderr


@pytest.mark.parametrize("code", [0, -15, -2, -1])
def test_it_does_not_go_on_after_a_head_that_was_asked_to_end(code: int) -> None:
    ended = run(polls=3, seconds=600, code=code, goes_on=True)
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (2, "", SENTENCE)


def test_a_head_that_lives_disturbs_nothing() -> None:
    ended = run(polls=10**6, seconds=0.3, goes_on=True)
    assert (ended.returncode, ended.stdout) == (0, "the block has ended\n")
