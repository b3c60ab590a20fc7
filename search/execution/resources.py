"""The resources of one trial, and how many trials run at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from search.sweep.spec import SweepSpec
from trainables.errors import SettingsError

_GB = 1e9


@dataclass(frozen=True)
class TrialResources:
    """What one trial takes of a node.

    Attributes:
        cpus: cores.
        gpus: a number of whole GPUs, or a share of one.
        memory_gb: main memory in 10^9 bytes; 0 if it is not limited.
    """

    cpus: float
    gpus: float
    memory_gb: float

    @property
    def bundle(self) -> dict[str, float]:
        """The same in Ray's names and units, without what is 0."""
        amounts = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory_gb * _GB}
        return {name: amount for name, amount in amounts.items() if amount}

    def trials_on(self, node: Mapping[str, float]) -> int:
        """How many such trials fit on a node with these resources (in Ray's names). A trial never spans two nodes."""
        return min(math.floor(node.get(name, 0.0) / amount + 1e-9) for name, amount in self.bundle.items())

    def describe(self) -> str:
        """As text: `1 CPUs and 0.5 GPUs`."""
        text = f"{self.cpus:g} CPUs and {self.gpus:g} GPUs"
        return f"{text} and {self.memory_gb:,.1f} GB".replace(".0 GB", " GB") if self.memory_gb else text


def trial_resources(spec: SweepSpec, gpus: float | None = None) -> TrialResources:
    """The resources of a trial of `spec`.

    Args:
        spec: the sweep's description. Its `gpus: auto` counts as a whole GPU.
        gpus: replaces the number in the description.
    """
    spec_gpus = 1.0 if spec.gpus == "auto" else spec.gpus
    return TrialResources(spec.cpus, spec_gpus if gpus is None else gpus, spec.memory_gb or 0.0)


def worker_slots(workers: int | None, trial: TrialResources, nodes: list[Mapping[str, float]]) -> int:
    """How many trials run at a time: `workers`, or as many as fit if it is None.

    Args:
        workers: the sweep's setting.
        trial: the resources of each trial.
        nodes: the resources of each node, in Ray's names.

    Raises:
        SettingsError: fewer than `workers` fit, or none at all.
    """
    fit = sum(map(trial.trials_on, nodes))
    slots = workers or max(1, fit)
    if fit < slots:
        cpus, gpus, memory = (sum(node.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU", "memory"))
        total = TrialResources(cpus, gpus, memory / _GB if trial.memory_gb else 0.0)
        if workers is None:
            raise SettingsError(f"a trial takes {trial.describe()}, which no node has; there are {total.describe()}")
        raise SettingsError(
            f"workers is {slots} with {trial.describe()} per trial, but there are {total.describe()}; {fit} at a time "
            "would fit"
        )
    return slots
