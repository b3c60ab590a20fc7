"""One process of a training that computes in several processes. It answers the requests of `trainables.ranks`.

    python -m trainables.rank DESCRIPTOR FOLDER

DESCRIPTOR is the inherited end of a connection, FOLDER is for the files that the processes exchange. The first request
names a class and its arguments; each further one names a method. A process that raises reports it and waits to be
killed: its sockets stay open until then, so that no other process fails because of it. Once the other end of the
connection is closed, for whatever reason, the process deletes the folder and ends itself.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import sys
import threading
import traceback
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from trainables.ultralytics_import import isolated

LONGEST_WAIT = timedelta(hours=3)
"""For the other processes, as Ultralytics has it. One that dies or raises is noticed at once by `trainables.ranks`."""


@dataclass(frozen=True)
class Rank:
    """The place of a process among those of its training.

    Attributes:
        number: from 0; the first one evaluates, writes files and gives the state.
        count: of all.
        meeting: a file on a local disk by which they find each other.
    """

    number: int
    count: int
    meeting: Path

    def join(self, device: str) -> None:
        """Meet the others: on "cuda" by NCCL, on "cpu" by Gloo. Both stay on this machine."""
        from torch import distributed

        distributed.init_process_group(
            backend="nccl" if device == "cuda" else "gloo",
            init_method=self.meeting.as_uri(),
            rank=self.number,
            world_size=self.count,
            timeout=LONGEST_WAIT,
        )


def main() -> None:
    """Answer requests until the connection ends."""
    faulthandler.enable()
    line = Connection(int(sys.argv[1]))
    requests: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
    threading.Thread(target=_listen, args=(line, requests, sys.argv[2]), daemon=True).start()
    try:
        rank, workdir, target, arguments = requests.get()
        module, _, name = target.partition(":")
        with isolated(workdir):  # the first import of Ultralytics may write files and reach for the network
            make = getattr(import_module(module), name)
        worker = make(rank, *arguments)
        line.send((None, None))
        while True:
            method, arguments = requests.get()
            line.send((None, getattr(worker, method)(*arguments)))
    except BaseException as error:  # the process that asked raises it
        traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        line.send((_portable(error), None))
        threading.Event().wait()


def _listen(line: Connection[Any, Any], requests: SimpleQueue[tuple[Any, ...]], folder: str) -> None:
    try:
        while True:
            requests.put(line.recv())
    except (EOFError, OSError):  # nobody holds the other end
        shutil.rmtree(folder, ignore_errors=True)  # the others do it too; the last one leaves nothing
        os._exit(0)
    except BaseException:  # what is asked cannot be read, which is a mistake in the program
        traceback.print_exc()
        os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """`error`, or what it says if it cannot be made anew in another process."""
    try:
        copy(error)  # as it is made anew there
    except Exception:  # whatever its class does then
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    main()
