"""What happens to a sweep: some of it to its trainings (`faulty.py`), the rest from outside."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._raylet import PlacementGroupID
from ray.cluster_utils import Cluster
from ray.util import placement_group_table, remove_placement_group
from ray.util.placement_group import PlacementGroup

from search.run import sweep_run
from search.sweep.folder import SweepFolder
from search.tracking.recorder import Recorder
from search.tracking.sync import sync
from tests.bench.faults import surroundings
from tests.bench.faults.faulty import STRIKES
from tests.bench.faults.sessions import STORE_BYTES, patiently
from tests.bench.faults.struck import (
    NAME,
    Moment,
    Unrecorded,
    at_moment,
    driven,
    launch,
    nothing,
    outliving,
    reached,
    state_of,
    trainings,
)
from tests.support.agreement import difference

NEEDS_CHECKPOINT = ("checkpoint cut off", "checkpoint's bit flipped")


def strike(root: Path, kind: str, at: Moment, cluster: Cluster | None) -> tuple[Any, int]:
    """The sweep with its fault, to its end; its state, and the orphans of what was killed."""
    if kind == "driver killed":
        return _driver_killed(root, at)
    if kind == "node killed":
        assert cluster is not None
        return launch(root, kind, at_moment(at, lambda: _kill_node(cluster))).state, 0
    if kind in FROM_OUTSIDE:
        return FROM_OUTSIDE[kind](root, kind, at), 0
    return launch(root, kind, nothing).state, 0


def _driver_killed(root: Path, at: Moment) -> tuple[Any, int]:
    first = driven(root)
    while not reached(root, at):
        if first.poll() is not None:  # Ray did not start
            first = driven(root, again=(root / "sweeps" / NAME).exists())
        time.sleep(0.05)
    family = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    orphans = outliving(family)
    assert any(driven(root, again=True).wait() == 0 for _ in range(5)), "it does not go on"
    return state_of(root), orphans


def _torn(root: Path, kind: str, at: Moment) -> Any:
    """As a power cut leaves it: what was written last was not all on the disk yet."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        launch(root, kind, at_moment(at, interrupt))
    _free()
    newest = max((root / "sweeps" / NAME / "journal").glob("*.parquet"))
    newest.write_bytes(newest.read_bytes()[: random.Random(str(at)).randrange(newest.stat().st_size)])
    return launch(root, kind, nothing, again=True).state


def _free() -> None:
    """Give up what an interrupted sweep still has: that ends with the driver's process, which is not this one."""
    for process in trainings():
        process.kill()
    for number in placement_group_table():
        remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(number))))


def _kill_node(cluster: Cluster) -> None:
    """The node on which the trial runs; another takes its place, as on a cluster that scales."""
    busy = next(node for node in cluster.worker_nodes if _free_cpus(node.node_id) < 1)
    cluster.remove_node(busy, allow_graceful=False)
    patiently(lambda: cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))


def _free_cpus(node: str) -> float:
    free = ray._private.state.available_resources_per_node()
    return float(free.get(node, {}).get("CPU", 0.0))


def _recorder_killed(root: Path, kind: str, at: Moment) -> Any:
    recorders: list[Recorder] = []

    class Watched(Recorder):
        """Can be found."""

        def __enter__(self) -> Recorder:
            recorders.append(self)
            return super().__enter__()

    vars(sweep_run).update(Recorder=Watched)
    try:
        finished = launch(root, kind, at_moment(at, lambda: recorders[0]._process.kill()))
        assert not finished.recorder.finish(), "the killed recorder says that all is recorded"
    finally:
        vars(sweep_run).update(Recorder=Unrecorded)
    folder = SweepFolder(root / "sweeps", NAME)
    assert sync(folder, lambda: True)
    agreed = difference(root / "sweeps", NAME, folder.store(folder.spec()))
    assert agreed.none, agreed
    return finished.state


FROM_OUTSIDE: dict[str, Callable[[Path, str, Moment], Any]] = {
    "recorder killed": _recorder_killed,
    "last segment torn": _torn,
    "disk full": surroundings.disk_full,
    "disk full at the end": surroundings.full_at_the_end,
    "folder read-only": surroundings.read_only,
    "clock set": surroundings.clock_set,
    "storage stands still": surroundings.storage_still,
}
"""What needs more than a training that does it, and one Ray."""
KINDS = tuple(dict.fromkeys((*STRIKES, "weights not finite", "driver killed", "node killed", *FROM_OUTSIDE)))
