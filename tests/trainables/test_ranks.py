"""Several processes of one training: all are asked, and what ends one of them ends all, at once and with a reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.rank_work import TARGET
from trainables.errors import KilledError, SettingsError, SteadytuneError
from trainables.ranks import Ranks

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ranks]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = Ranks(2, tmp_path, TARGET, "name")
    yield started
    started.kill()


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until_dead(pids: list[int], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.02)


def test_each_answers_in_its_place_and_what_they_print_is_printed(
    ranks: Ranks, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ranks.ask("name", "x") == ["name 0 of 2 x", "name 1 of 2 x"]
    assert ranks.ask_first("name", "y") == "name 0 of 2 y"
    assert capsys.readouterr().out.splitlines() == ["x of 0", "[process 2] x of 1", "y of 0"]


@pytest.mark.parametrize("number", [0, 1])
def test_an_error_of_one_ends_all_and_is_raised(number: int, ranks: Ranks, capsys: pytest.CaptureFixture[str]) -> None:
    pids = ranks.ask("pid")
    with pytest.raises(SettingsError, match=f"^broken in {number}$"):
        ranks.ask("fail", number)
    assert not any(map(alive, pids))
    assert "SettingsError: broken in" in capsys.readouterr().out


def test_an_error_in_the_making_is_raised(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="first is bad"):
        Ranks(2, tmp_path, TARGET, "bad")


@pytest.mark.e2e  # their two imports of torch take seconds
@pytest.mark.parametrize("number", [0, 1])
def test_a_death_is_told_and_not_what_it_makes_the_others_raise(number: int, ranks: Ranks) -> None:
    pids = ranks.ask("pid")
    assert ranks.ask("total", 1.0) == [3.0, 3.0]  # they compute together
    with pytest.raises(
        KilledError, match=f"^process {number + 1} of the 2 of this training was ended by SIGKILL, as when"
    ):
        ranks.ask("total_without", number)
    assert not any(map(alive, pids))


def test_one_that_died_between_two_requests_is_told_too(ranks: Ranks) -> None:
    pids = ranks.ask("pid")
    os.kill(pids[1], signal.SIGKILL)
    with pytest.raises(KilledError, match="process 2 of the 2 of this training was ended by SIGKILL"):
        ranks.ask("name", "x")
    assert not any(map(alive, pids))


def test_the_end_lets_each_finish_and_leaves_no_process_and_no_file(ranks: Ranks, tmp_path: Path) -> None:
    pids = ranks.ask("pid")
    ranks.end("close")
    assert not any(map(alive, pids))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["closed-0", "closed-1"]
    with pytest.raises(SteadytuneError, match="the processes of this training have ended"):
        ranks.ask_first("pid")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_none_outlives_the_process_that_started_them(number: signal.Signals, tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-m", "tests.support.rank_work", str(tmp_path)],
        cwd=REPOSITORY,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert starter.stdout is not None
    pids = [int(pid) for pid in starter.stdout.readline().split()]
    assert len(pids) == 2
    starter.send_signal(number)
    starter.wait()
    starter.stdout.close()
    wait_until_dead(pids)
    assert not list(tmp_path.iterdir())
