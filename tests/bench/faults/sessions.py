"""One Ray for many sweeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import ray
from ray.cluster_utils import Cluster

STORE_BYTES = 80_000_000
QUIET = {"log_to_driver": False, "logging_level": "CRITICAL"}


@contextmanager
def session(nodes: bool, workers: int) -> Iterator[Cluster | None]:
    """One Ray for all sweeps, with a CPU for each worker; of several raylets if nodes are to be killed."""
    cluster = patiently(lambda: _cluster(workers) if nodes else _alone(workers), _clear)
    yield cluster
    ray.shutdown()
    if cluster:
        cluster.shutdown()


def patiently(start: Callable[[], Any], again: Callable[[], None] = lambda: None) -> Any:
    """Ray gives up after 30 s, which is not much on a busy machine; `again` clears up before it is tried again."""
    for _ in range(9):
        try:
            return start()
        except Exception:
            again()
    return start()


def _clear() -> None:
    """What is left of a Ray that did not come up."""
    ray.shutdown()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()


def _alone(workers: int) -> None:
    ray.init(address="local", num_cpus=workers, include_dashboard=False, object_store_memory=STORE_BYTES, **QUIET)


def _cluster(workers: int) -> Cluster:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE_BYTES})
    for _ in range(workers + 1):
        cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    ray.init(address=cluster.address, **QUIET)
    return cluster
