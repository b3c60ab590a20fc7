"""A training that computes in several processes of this machine: one for each of its GPUs, or several on a CPU.

This module starts the processes, sends each of them the same requests and collects their answers. If one raises or
dies, the others would wait for it in their next collective operation. So all are killed at once, and its error is
raised here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from trainables.errors import KilledError, SteadytuneError
from trainables.rank import Rank

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
SECONDS_TO_END = 30.0
"""How long processes that were asked to end have time before they are killed."""
SECONDS_TO_DIE = 2.0
"""How long after an error to look for a process that has died, since its death would be the cause of the error."""


class _Process:
    def __init__(self, rank: Rank, threads: int, output: Path) -> None:
        self.rank = rank
        self.output = output.open("w+", encoding="utf-8", errors="replace")
        self.line, far_end = Pipe()
        environment = {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": str(threads),
            # By the names under which Ultralytics and others look for them when they are imported.
            "RANK": str(rank.number),
            "LOCAL_RANK": str(rank.number),
            "WORLD_SIZE": str(rank.count),
        }
        # No port is opened to the network.
        on_this_machine = {"GLOO_SOCKET_IFNAME": LOOPBACK, "NCCL_SOCKET_IFNAME": LOOPBACK}
        with far_end:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "trainables.rank", str(far_end.fileno()), str(output.parent)],
                env={**on_this_machine, **os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                pass_fds=[far_end.fileno()],
                start_new_session=True,  # Ctrl-C is for the process that asks, which ends this one
            )
        self._shown = 0

    def show_output(self) -> None:
        """Print what it printed since the last time; of all but the first process each line says whose it is."""
        text = Path(self.output.name).read_text(encoding="utf-8", errors="replace")
        for line in text[self._shown :].splitlines():
            print(line if self.rank.number == 0 else f"[process {self.rank.number + 1}] {line}", flush=True)
        self._shown = len(text)

    def death(self) -> Exception | None:
        """How it died, as an error; None if it lives."""
        try:
            code = self.process.wait(SECONDS_TO_DIE)
        except subprocess.TimeoutExpired:
            return None
        name = f"process {self.rank.number + 1} of the {self.rank.count} of this training"
        if code < 0:
            short = ", as when memory is short" if -code == signal.SIGKILL else ""
            return KilledError(
                f"{name} was ended by {signal.Signals(-code).name}{short}; it can go on from its last checkpoint"
            )
        return RuntimeError(f"{name} ended by itself with exit code {code}")


class Ranks:
    """The processes of one training.

    Args:
        count: how many; at least 2.
        workdir: the training's folder.
        target: "module:Class" of what each of them makes, of its `Rank` and `arguments`.
        arguments: can be pickled.

    Raises:
        Exception: what one of them raised while it was made.
        KilledError: one of them died.

    Attributes:
        folder: on a local disk, for what they and this process exchange; deleted at their end.
    """

    def __init__(self, count: int, workdir: Path, target: str, *arguments: Any) -> None:
        self._temporary = TemporaryDirectory(prefix="steadytune-")
        self._processes: list[_Process] = []
        self._busy = True
        self.folder = folder = Path(self._temporary.name)
        threads = max(1, torch.get_num_threads() // count)
        try:
            for number in range(count):
                rank = Rank(number, count, folder / "meeting")
                self._processes.append(_Process(rank, threads, folder / f"output-{number}.txt"))
            for process in self._processes:
                self._send(process, (process.rank, workdir, target, arguments))
            self._answers(self._processes)
        except BaseException:
            self.kill()
            raise

    def ask(self, method: str, *arguments: Any) -> list[Any]:
        """The answer of each process to the call of a method.

        Raises:
            Exception: what one of them raised; all are ended then.
            KilledError: one of them died; so are the others then.
        """
        return self._ask(self._processes, method, arguments)

    def ask_first(self, method: str, *arguments: Any) -> Any:
        """The answer of the first process, which alone is asked. Raises as `ask`."""
        (answer,) = self._ask(self._processes[:1], method, arguments)
        return answer

    def _ask(
        self, processes: list[_Process], method: str, arguments: tuple[Any, ...], seconds: float | None = None
    ) -> list[Any]:
        if not self._processes:
            raise SteadytuneError(
                "the processes of this training have ended; save an epoch before the next is asked for"
            )
        self._busy = True
        try:
            for process in processes:
                self._send(process, (method, arguments))
            return self._answers(processes, seconds)
        except BaseException:
            self.kill()
            raise

    def _send(self, process: _Process, request: tuple[Any, ...]) -> None:
        with suppress(OSError):  # it has died, which `_answers` finds
            process.line.send(request)

    def _answers(self, processes: list[_Process], seconds: float | None = None) -> list[Any]:
        by_line: dict[Connection[Any, Any], _Process] = {process.line: process for process in self._processes}
        answers: dict[int, Any] = {}
        while len(answers) < len(processes):
            ready = wait(list(by_line), seconds)  # all of them: one that has answered may die
            if not ready:
                raise TimeoutError
            for line in ready:
                process = by_line[line]  # type: ignore[index]
                try:
                    error, answer = process.line.recv()
                except (EOFError, OSError):
                    raise process.death() or KilledError(
                        f"process {process.rank.number + 1} of this training hung up"
                    ) from None
                if error is not None:
                    raise self._cause(process, error)
                answers[process.rank.number] = answer
        for process in self._processes:
            process.show_output()
        self._busy = False
        return [answers[process.rank.number] for process in processes]

    def _cause(self, process: _Process, error: BaseException) -> BaseException:
        """`error` of `process`, or the death of another one: those that live then fail to reach it."""
        if not isinstance(error, RuntimeError):  # which is what a collective operation raises
            return error
        others = [other for other in self._processes if other is not process]
        return next(filter(None, (other.death() for other in others)), error)

    def end(self, method: str) -> None:
        """Have each process call `method`, the last, and end; one that is still at work, or too slow, is killed."""
        if self._processes and not self._busy:
            with suppress(TimeoutError, KilledError):
                self._ask(self._processes, method, (), SECONDS_TO_END)
        self.kill()

    def kill(self) -> None:
        """End all processes at once, and show what they printed last."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.process.pid, signal.SIGKILL)  # with the processes of its loaders
            process.process.wait()
            process.line.close()
            process.show_output()
            process.output.close()
        self._processes = []
        self._temporary.cleanup()
