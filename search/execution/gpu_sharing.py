"""How many trials share a GPU under `gpus: auto`: as many as fit, by the memory that the baseline takes.

The baseline trains alone on a whole GPU before the sweep begins. A trial that takes more memory than the baseline did
may run out of memory on a shared GPU; the coordinator then hands it out once more, with a GPU of its own.
"""

from __future__ import annotations

import tempfile
from typing import Any

import ray
from ray.exceptions import RayError

from search.execution.trainable import ABORTED, FAILED, RecipeTrainable
from trainables.device import Memory, memory
from trainables.errors import SettingsError, first_line

PROBE_SECONDS = 120.0
"""A longer epoch is cut off. By then the memory of its batches has been measured, though not that of its evaluation."""
RESERVED_SHARE = 0.1
"""Share of a GPU that is kept free, since other configurations may take more memory. Chosen, not measured."""
MAX_TRIALS_PER_GPU = 16
"""With more trials than this, they would wait for the GPU's cores."""


def gpu_share(probe: Memory) -> float:
    """The share of a GPU for each trial, rounded down to the 1/10000 that Ray counts in."""
    fit = min(MAX_TRIALS_PER_GPU, int((1 - RESERVED_SHARE) * probe.total // probe.need))
    return int(10_000 / fit) / 10_000 if fit > 1 else 1.0


class MemoryProbe:
    """A Ray actor that trains one epoch, so that its GPU memory can be read from the same process."""

    def train(self, config: dict[str, Any]) -> str:
        """Train an epoch; returns why it failed, or "". `config` is that of a `RecipeTrainable`, without its folder."""
        with tempfile.TemporaryDirectory() as root:
            result = RecipeTrainable({**config, "folder": f"{root}/probe/trials", "storage": ""}).step()
        return str(result.get(FAILED) or result.get(ABORTED) or "").partition(" (see ")[0]

    def memory(self) -> Memory | None:
        """The GPU memory that the process has taken up to now."""
        return memory()


def measure_memory(config: dict[str, Any]) -> Memory:
    """The GPU memory that training an epoch takes, or the first `PROBE_SECONDS` of it.

    Args:
        config: that of a `RecipeTrainable`, without its folder.

    Raises:
        SettingsError: the training failed, or used no GPU.
    """
    options = {"num_gpus": 1, "num_cpus": config["resources"].cpus, "max_concurrency": 2}
    probe = ray.remote(MemoryProbe).options(**options).remote()
    measured: Memory | None = None
    try:
        epoch = probe.train.remote(config)
        finished, _ = ray.wait([epoch], timeout=PROBE_SECONDS)
        failure = ray.get(epoch) if finished else ""
        measured = ray.get(probe.memory.remote())
    except RayError as error:
        failure = first_line(error)
    finally:
        ray.kill(probe)
    if failure:
        raise SettingsError(
            f"gpus is auto, but the first training failed, alone on a GPU: {failure}; correct that first"
        )
    if measured is None:
        raise SettingsError(
            "gpus is auto, but the first training used no GPU; leave gpus out, or check the setting device"
        )
    return measured
