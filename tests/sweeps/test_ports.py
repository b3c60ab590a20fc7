"""What another machine sees of a sweep: nothing. Two network namespaces stand for the two machines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.journal.events import EpochDone
from search.journal.segments import read
from search.sweep.folder import SweepFolder
from tests.support import REPOSITORY, SUPPORT
from tests.support.programs import IPROUTE
from tests.support.waiting import DEADLINE_SECONDS, wait_until

pytestmark = pytest.mark.e2e
OURS, THEIRS = "10.97.53.1", "10.97.53.2"
OPEN_TO_ALL, BROWSE = 8999, 8998
SCAN = """
import socket, sys
for port in range(1, 65536):
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((sys.argv[1], port)) == 0:
            print(port)
"""


@dataclass(frozen=True)
class Machine:
    """A network namespace; the processes that were started in it end with the test."""

    name: str
    started: list[subprocess.Popen[str]]

    def start(self, *words: str, **more: object) -> subprocess.Popen[str]:
        command = ["ip", "netns", "exec", self.name, sys.executable, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, **more)  # type: ignore[call-overload]
        self.started.append(process)
        return process  # type: ignore[no-any-return]


def ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)


@pytest.fixture
def machines() -> Iterator[tuple[Machine, Machine]]:
    """Two that see each other at `OURS` and `THEIRS`."""
    IPROUTE.require()
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces")
    names = [f"steadytune-{os.getpid()}-{side}" for side in ("ours", "theirs")]
    added = [ip("netns", "add", name) for name in names]
    if any(result.returncode for result in added):
        pytest.skip(f"no network namespaces here: {added[0].stderr.strip()}")
    pair = tuple(Machine(name, []) for name in names)
    try:
        cables = [f"st{os.getpid()}{side}" for side in "ab"]
        linked = ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        if linked.returncode:
            pytest.skip(f"no pair of network interfaces here: {linked.stderr.strip()}")
        for name, cable, address in zip(names, cables, (OURS, THEIRS), strict=True):
            ip("link", "set", cable, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", cable)
            for device in (cable, "lo"):
                ip("-n", name, "link", "set", device, "up")
        yield pair[0], pair[1]
    finally:
        for process in (started for machine in pair for started in machine.started if started.poll() is None):
            os.killpg(process.pid, signal.SIGTERM)  # SIGINT is ignored below a shell's background job
            process.wait(DEADLINE_SECONDS)
        for name in names:
            ip("netns", "delete", name)


def test_another_machine_finds_no_open_port_while_a_sweep_runs_and_is_browsed(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    ours, theirs = machines
    paths = os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))
    where = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": paths}}
    ours.start("-m", "http.server", str(OPEN_TO_ALL), "--bind", "0.0.0.0", cwd=tmp_path, stderr=subprocess.DEVNULL)
    sweep = "launch --recipe trouble:Trouble --preset tiny --data . --name sweep --trials 4 --workers 2"
    ours.start("-m", "search", *sweep.split(), "--set", "epochs=600", "--set", "pause=0.3", **where)
    journal, store = SweepFolder(tmp_path / "sweeps", "sweep").journal, tmp_path / "sweeps" / "mlflow.db"
    wait_until(lambda: store.exists() and epochs(journal) >= 4)
    pages = ours.start("-m", "search", "browse", "sweep", "--port", str(BROWSE), **where)
    assert pages.stdout is not None
    assert any(line.startswith("MLflow: ") for line in iter(pages.stdout.readline, ""))
    before = epochs(journal)
    open_ports = theirs.start("-c", SCAN, OURS).communicate()[0]
    assert [int(port) for port in open_ports.split()] == [OPEN_TO_ALL], "the one that the test opened itself"
    wait_until(lambda: epochs(journal) > before)


def epochs(journal: Path) -> int:
    return sum(isinstance(row.event, EpochDone) for row in read(journal)) if journal.is_dir() else 0
