"""A driver whose Ray has died ends at once, and says how to continue."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, time
from search.execution import head_watch
head_watch.POLL_SECONDS = 0.05
alive = iter(range(int(sys.argv[1])))
resume = "steadytune resume cattle --sweeps /data"
with head_watch.watched_head(resume, lambda: [] if next(alive, None) is not None else ["gcs_server"]):
    time.sleep(float(sys.argv[2]))
print("the block has ended")
"""


def run(polls: int, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(polls), str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_dead_head_ends_the_driver_with_one_sentence() -> None:
    ended = run(polls=3, seconds=600)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.strip() == (
        "steadytune: Ray's process gcs_server on this machine has died; nothing is lost, resume with: "
        "steadytune resume cattle --sweeps /data"
    )


def test_a_head_that_lives_disturbs_nothing() -> None:
    ended = run(polls=10**6, seconds=0.3)
    assert (ended.returncode, ended.stdout) == (0, "the block has ended\n")
