"""How many trials share a GPU under `gpus: auto`: as many as fit by what one, the baseline, takes of its memory.

That one trains alone on a whole GPU before the sweep begins. A trial that takes more than it did may run out of memory
beside the others; the coordinator hands it out once more, with a GPU to itself.
"""

from __future__ import annotations

import tempfile
from typing import Any

import ray
from ray.exceptions import RayError

from search.execution.trainable import FAILED, HALTED, RecipeTrainable
from trainables.device import Memory, memory
from trainables.errors import SettingsError, first_line

PROBE_SECONDS = 120.0
"""An epoch that takes longer is cut off: it has shown its batches by then, if not its evaluation."""
SPARE = 0.1
"""Of a GPU, for what one epoch of one configuration does not show. A choice: untried, for want of a GPU."""
MOST = 16
"""Trials on one GPU: beyond that they wait for its cores."""


def share(found: Memory) -> float:
    """The part of a GPU for each trial, rounded down to the 1/10000 that Ray counts in."""
    fit = min(MOST, int((1 - SPARE) * found.total // found.need))
    return int(10_000 / fit) / 10_000 if fit > 1 else 1.0


class Probe:
    """Trains an epoch in a process of its own."""

    def train(self, config: dict[str, Any]) -> str:
        """Why it failed, empty if it did not. `config` is that of a `RecipeTrainable`, without its folder."""
        with tempfile.TemporaryDirectory() as folder:
            result = RecipeTrainable({**config, "folder": folder, "storage": ""}).step()
        return str(result.get(FAILED) or result.get(HALTED) or "").partition(" (see ")[0]

    def memory(self) -> Memory | None:
        """What it has taken up to now."""
        return memory()


def measure(config: dict[str, Any], seconds: float = PROBE_SECONDS) -> Memory:
    """What training an epoch takes of a GPU, or as much of it as passes in `seconds`.

    Raises:
        SettingsError: it failed, or used no GPU.
    """
    probe = ray.remote(Probe).options(num_gpus=1, num_cpus=config["needs"].cpus, max_concurrency=2).remote()
    try:
        epoch = probe.train.remote(config)
        ended, _ = ray.wait([epoch], timeout=seconds)
        failed = ray.get(epoch) if ended else ""
        found: Memory | None = ray.get(probe.memory.remote())
    except RayError as error:
        failed, found = first_line(error), None
    finally:
        ray.kill(probe)
    if failed:
        raise SettingsError(f"gpus is auto, but the first training failed, alone on a GPU: {failed}; mend that first")
    if found is None:
        raise SettingsError(
            "gpus is auto, but the first training used no GPU; leave gpus out, or see to the setting device"
        )
    return found
