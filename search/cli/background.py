"""Sweeps that run on this machine without a terminal: started in a session of their own, with a log in their folder."""

# Imports inside functions: reading a journal needs PyArrow, which `--help` does not load.

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from search.cli.exit_codes import INTERRUPTED
from search.execution.job_protocol import BACKGROUND, ERROR_PREFIX, error_sentence, is_status
from search.sweep.environment import python_path
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from trainables.errors import SteadytuneError

_POLL_SECONDS = 0.2


def launch(spec: SweepSpec, root: Path) -> None:
    """Launch `spec` in a process of its own, and return when its trials begin.

    Raises:
        SteadytuneError: the sweep was refused; repeats its message.
    """
    folder = SweepFolder(root, spec.name)
    folder.check_free()
    root.mkdir(parents=True, exist_ok=True)
    # The sweep makes its own folder, and only when nothing refuses it.
    _start(["launch", "-"], spec.name, root, _hidden_log(folder), spec.given())


def resume(name: str, root: Path, more: Sequence[str]) -> None:
    """Resume a sweep in a process of its own, with the options `more`, and return when its trials begin.

    Raises:
        SteadytuneError: the sweep was refused; repeats its message.
    """
    folder = SweepFolder.existing(root, name)
    if folder.held:
        raise SteadytuneError(f"sweep {name} is running in another process; wait for it or stop it")
    _start(["resume", name, *more], name, root, folder.log)


def _start(arguments: Sequence[str], name: str, root: Path, log: Path, standard_input: str = "") -> None:
    folder = SweepFolder(root, name)
    begins = log.stat().st_size if log.is_file() else 0
    with log.open("a", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "search", *arguments, "--sweeps", str(root)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a terminal that is closed, and Ctrl-C in it, do not concern the sweep
            env=os.environ | {BACKGROUND: "1", "PYTHONUNBUFFERED": "1", "PYTHONPATH": python_path()},
        )
    assert process.stdin is not None
    process.stdin.write(standard_input.encode())
    process.stdin.close()
    try:
        while process.poll() is None and not any(map(is_status, _printed(log, begins).splitlines())):
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        print(f"\n{ERROR_PREFIX}the sweep continues in the background. {next_steps(folder)}", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    if process.returncode:
        text = _printed(log, begins)
        if log != folder.log:
            log.unlink(missing_ok=True)
        raise SteadytuneError(error_sentence(text) or f"the sweep ended at once; its output was: {text[-1000:]}")
    _move_log(folder)
    print(f"Sweep {name} runs in the background as process {process.pid}. {next_steps(folder)}")


def _printed(log: Path, begins: int) -> str:
    """What the log has from byte `begins` on."""
    return log.read_bytes()[begins:].decode(errors="replace")


def _hidden_log(folder: SweepFolder) -> Path:
    """The log of a sweep that has no folder yet."""
    return folder.root / f".{folder.name}.log"


def _move_log(folder: SweepFolder) -> None:
    """Move the log to the sweep's folder, once there is one; the sweep goes on writing to it."""
    if _hidden_log(folder).is_file() and folder.spec_file.is_file():
        _hidden_log(folder).rename(folder.log)


def next_steps(folder: SweepFolder) -> str:
    """How to follow and to end it."""
    watch = folder.command("logs", "--follow")
    return f"Watch it: {watch}; pause it: {folder.command('pause')}; end it: {folder.command('stop')}"


def log_text(folder: SweepFolder, follow: bool) -> Iterator[str]:
    """What a sweep of this machine printed in the background, as it comes if `follow`, until it ends.

    Raises:
        SteadytuneError: it never ran in the background.
    """
    _move_log(folder)  # whoever launched it may have been killed before
    if not folder.log.is_file():
        raise SteadytuneError(
            f"sweep {folder.name} was not launched with --background: its output is in the terminal that launched it; "
            f"`{folder.command('logs', 'TRIAL')}` shows a trial's log"
        )
    with folder.log.open(encoding="utf-8", errors="replace") as file:
        while True:
            running = folder.held  # asked before reading: after this, nothing is added
            if lines := file.readlines():
                yield "".join(line for line in lines if not is_status(line))
            elif not (follow and running):
                return
            else:
                time.sleep(_POLL_SECONDS)
