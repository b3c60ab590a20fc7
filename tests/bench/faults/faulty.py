"""A recipe to which one thing happens at one moment, as `fault.json` in its data folder says."""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import ray
from pydantic import Field

from tests.support.idle import Idle
from trainables.recipe import Alarm, Epoch
from trainables.settings import Settings

CGROUP = Path("/sys/fs/cgroup/memory")
MEGABYTE = 1_000_000


def killed(workdir: Path) -> None:
    """As by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def actor_ends(workdir: Path) -> None:
    """The process serves no more, but closes in order."""
    ray.actor.exit_actor()


def crashes(workdir: Path) -> None:
    """A segmentation fault."""
    ctypes.string_at(0)


def hangs(workdir: Path) -> None:
    """Never comes back."""
    while True:
        time.sleep(1)


def killed_for_memory(workdir: Path) -> None:
    """Takes more memory than its control group has, so the kernel kills it."""
    group = CGROUP / f"steadytune-faulty-{os.getpid()}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(_resident() + 50 * MEGABYTE))
    (group / "tasks").write_text(str(os.getpid()))
    for task in Path("/proc/self/task").iterdir():
        (group / "tasks").write_text(task.name)
    _touch(2000 * MEGABYTE)


def out_of_memory(workdir: Path) -> None:
    """Takes more memory than it may address."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 50 * MEGABYTE, hard))
    try:
        _touch(2000 * MEGABYTE)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _touch(count: int) -> None:
    memory = bytearray(count)
    for offset in range(0, count, 4096):
        memory[offset] = 1


def raises(workdir: Path) -> None:
    """The training's code has a bug."""
    raise RuntimeError("expected 3 channels, got 4")


def cut_off(workdir: Path) -> None:
    """The newest checkpoint loses its last bytes, and the process dies."""
    file = _newest(workdir)
    file.write_bytes(file.read_bytes()[: random.randrange(file.stat().st_size)])
    killed(workdir)


def flipped(workdir: Path) -> None:
    """A bit of the newest checkpoint changes, and the process dies."""
    file = _newest(workdir)
    content = bytearray(file.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    file.write_bytes(bytes(content))
    killed(workdir)


def _newest(workdir: Path) -> Path:
    """The state in the newest checkpoint; another file if there is none yet."""
    states = sorted(workdir.glob("checkpoints/epoch-????/state.json"))
    spare = workdir / "spare"
    spare.write_text("nothing to spoil")
    return states[-1] if states else spare


def unwritable(workdir: Path) -> None:
    """The folder of the checkpoints takes nothing more, not even from root."""
    (workdir / "checkpoints").mkdir(exist_ok=True)
    subprocess.run(["chattr", "+i", str(workdir / "checkpoints")], check=True)


def disk_full(workdir: Path) -> None:
    """The disk takes nothing more."""
    fill(workdir.parents[2] / "ballast")


def fill(ballast: Path, leave: int = 0) -> None:
    """Let a file take all that the disk has left, but for so many bytes."""
    with ballast.open("wb", buffering=0) as opened:
        with suppress(OSError):
            while True:
                opened.write(bytes(4096))
        opened.truncate(max(0, opened.tell() - leave))


def stands_still(workdir: Path) -> None:
    """As with a stopped process, or one that waits for a dead disk: none of its threads runs any more."""
    os.kill(os.getpid(), signal.SIGSTOP)


def read_only(workdir: Path) -> None:
    """The sweep's folder takes no changes any more, not even from root."""
    subprocess.run(["chattr", "-R", "+i", str(workdir.parents[1])], check=True)


STRIKES: dict[str, Callable[[Path], None]] = {
    "worker killed": killed,
    "actor ended": actor_ends,
    "segmentation fault": crashes,
    "hang": hangs,
    "killed for memory": killed_for_memory,
    "checkpoint cut off": cut_off,
    "checkpoint's bit flipped": flipped,
    "exception": raises,
    "MemoryError": out_of_memory,
    "always crashes": crashes,
    "always hangs": hangs,
    "checkpoints unwritable": unwritable,
    "disk full": disk_full,
    "process stands still": stands_still,
    "folder read-only": read_only,
}
"""What happens inside a training; the rest happens to the sweep from outside."""


class FaultySettings(Settings):
    """What the recipe reads."""

    epochs: int = Field(4, ge=1)
    x: float = Field(0.5, ge=0, le=1)
    pause: float = Field(0.1, ge=0)
    seed: int = 0


class Faulty(Idle):
    """A curve that follows from `x` and `seed` alone, whatever happens."""

    name: ClassVar[str] = "faulty"
    summary: ClassVar[str] = "has an accident"
    settings_type = FaultySettings
    presets_file: ClassVar[Path] = Path(__file__).with_suffix(".yaml")

    def open(self, path: Path) -> Any:
        """What is to happen."""
        return json.loads((path / "fault.json").read_text())

    def sample(self, directory: Path) -> Path:
        """A folder in which nothing happens."""
        super().sample(directory)
        (directory / "fault.json").write_text("{}")
        return directory

    def train(self, settings: FaultySettings, data: Any, workdir: Path, resume: Path | None = None) -> Iterator[Epoch]:
        """Epochs without work, but for the one."""
        start = int(json.loads((resume / "state.json").read_text())["epoch"]) if resume else 0
        for number in range(start + 1, settings.epochs + 1):
            due = (data.get("trial"), data.get("epoch")) == (int(workdir.name), number)
            struck = workdir / "struck"

            def strike(moment: str, due: bool = due, struck: Path = struck) -> None:
                again = data.get("kind", "").startswith("always")
                if due and data["moment"] == moment and data["kind"] in STRIKES and (again or not struck.exists()):
                    struck.touch()
                    STRIKES[data["kind"]](workdir)

            def save(directory: Path, number: int = number, strike: Callable[[str], None] = strike) -> None:
                (directory / "state.json").write_text(json.dumps({"epoch": number, "weights": [0.5] * 200}))
                strike("saving")

            time.sleep(settings.pause * 0.5)
            strike("training")
            time.sleep(settings.pause * 0.5)
            lost = due and data["kind"] == "weights not finite"
            noise = random.Random(f"{settings.seed}/{number}").gauss(0, 0.02)
            yield Epoch(
                epoch=number,
                phase="main",
                metrics={} if lost else {"score": settings.x * number / (number + 1) + noise},
                losses={"train": 1.0 / number},
                rates={"all": 1e-3},
                seconds={"train": settings.pause},
                save=save,
                alarm=Alarm("nonfinite", "weights of head are no longer finite") if lost else None,
            )

    def export(self, settings: FaultySettings, directory: Path) -> list[Path]:
        """One JSON file."""
        path = directory / "faulty.json"
        path.write_text(settings.model_dump_json())
        return [path]
