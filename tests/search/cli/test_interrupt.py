"""A sweep ends once it is asked to, however often; and no terminal that goes away ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.cli.app import main
from search.cli.interrupt import SIGNALS, interruptible
from tests.support.slow_proxy import SlowProxy
from tests.support.waiting import DEADLINE_SECONDS, wait_until


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Interrupted blocks leave the signals ignored."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def end_while_signals_arrive(number: signal.Signals, ended: list[bool]) -> None:
    with interruptible():
        try:
            signal.raise_signal(number)
        finally:
            for again in SIGNALS:
                signal.raise_signal(again)
            ended.append(True)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_the_next_ones_do_not_disturb_the_ending(number: signal.Signals) -> None:
    ended: list[bool] = []
    with pytest.raises(KeyboardInterrupt):
        end_while_signals_arrive(number, ended)
    assert ended == [True]
    signal.raise_signal(number)  # while Python ends


def test_the_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_ctrl_c_is_one_sentence_in_every_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupt(root: Path) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("search.cli.status.names", interrupt)
    monkeypatch.setattr("sys.argv", ["steadytune", "status", "--sweeps", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "steadytune: interrupted\n")


PRINTER = """
import sys
from search.cli.interrupt import lasting_output
with lasting_output():
    sys.stdin.readline()
    for _ in range(3):
        print("an epoch", flush=True)
    print("an error", file=sys.stderr, flush=True)
open(sys.argv[1], "w").write("trained to the end")
"""


def test_a_closed_terminal_and_a_pipe_without_a_reader_do_not_end_it(tmp_path: object) -> None:
    for kind in ("terminal", "pipe"):
        reader, writer = os.openpty() if kind == "terminal" else os.pipe()
        path = f"{tmp_path}/{kind}"
        process = subprocess.Popen(
            [sys.executable, "-c", PRINTER, path], stdin=subprocess.PIPE, stdout=writer, stderr=writer
        )
        os.close(writer)
        os.close(reader)
        process.communicate(b"go\n")
        assert process.returncode == 0
        with open(path) as file:
            assert file.read() == "trained to the end"


FULL = """
import os, sys
from search.cli.interrupt import lasting_output
try:
    with lasting_output():
        print("x", flush=True)
except OSError as error:
    print(error, file=sys.stderr)
    os._exit(3)
"""


def test_a_full_disk_is_no_missing_terminal() -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run([sys.executable, "-c", FULL], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (process.returncode, "No space left" in process.stderr) == (3, True)


WAITS_FOR_A_STORAGE = """
import sys, threading
from search.cli.interrupt import leave
from search.storage import object_store, uploader
object_store.REQUEST_SECONDS = 10_000
storage = object_store.Storage(f"s3://bucket/sweeps?endpoint_override=http%3A%2F%2F127.0.0.1%3A{sys.argv[1]}")
threading.Thread(target=storage.list_files, name=uploader.THREAD, daemon=True).start()
sys.stdin.readline()
print("interrupted")
leave(130)
"""


@pytest.mark.e2e
def test_an_interrupted_sweep_ends_while_its_storage_accepts_and_never_answers() -> None:
    silent = SlowProxy()
    environment = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_EC2_METADATA_DISABLED": "true"}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS_FOR_A_STORAGE, str(silent.port)],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: silent.accepted > 0, lambda: "it never asked its storage")
        output, _ = process.communicate("go on\n", timeout=DEADLINE_SECONDS)
        assert (process.returncode, output) == (130, "interrupted\n")
    finally:
        process.kill()
        silent.close()
