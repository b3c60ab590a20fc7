"""What an earlier run of a sweep left running has ended before the next run begins."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.execution import leftovers
from search.execution.leftovers import end_leftovers, marked
from trainables.command import supervisor
from trainables.errors import SteadytuneError

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that sleeps for some seconds, as one of a sweep's Ray, with further words in its command."""
    processes = []

    def started(sweep: Path, seconds: float, *words: str) -> subprocess.Popen[bytes]:
        with marked(sweep):
            program = f"import time; print(flush=True); time.sleep({seconds})"
            process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # before that it has the environment of this process
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("cattle", "cattle-2"):
        (tmp_path / name).mkdir()
    return tmp_path / "cattle", tmp_path / "cattle-2"


def test_its_own_are_killed_and_those_of_others_live(start: Start, folders: tuple[Path, Path]) -> None:
    sweep, other = folders
    left, others = start(sweep, 600), start(other, 600)
    end_leftovers(sweep)
    assert (left.wait(), others.poll()) == (-9, None)
    end_leftovers(sweep)  # nothing is left


def test_the_supervisor_of_a_script_may_end_the_script(start: Start, folders: tuple[Path, Path]) -> None:
    process = start(folders[0], 2.0, supervisor.__file__)
    end_leftovers(folders[0])
    assert process.wait() == 0


def test_a_process_that_does_not_end_is_named(
    start: Start, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(folders[0], 600, supervisor.__file__)
    monkeypatch.setattr(leftovers, "WAIT_SECONDS", 0.3)
    with pytest.raises(SteadytuneError, match=rf"an earlier run of this sweep do not end \({process.pid}\)"):
        end_leftovers(folders[0])
