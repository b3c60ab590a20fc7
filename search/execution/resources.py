"""What one trial takes of a node, and how many of them run at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from search.sweep.spec import SweepSpec
from trainables.errors import SettingsError

_GB = 1e9


@dataclass(frozen=True)
class Needs:
    """Of one trial: CPU cores, GPUs, and main memory in 10^9 bytes, 0 if that is not counted."""

    cpus: float
    gpus: float
    memory_gb: float

    @property
    def bundle(self) -> dict[str, float]:
        """In Ray's names and units."""
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory_gb * _GB}
        return {name: amount for name, amount in asked.items() if amount}

    def fit(self, resources: Mapping[str, float]) -> int:
        """How many fit on a node that has `resources`, in Ray's names: one does not spread over two."""
        return min(math.floor(resources.get(name, 0.0) / amount + 1e-9) for name, amount in self.bundle.items())

    def words(self) -> str:
        """`1 CPUs and 0.5 GPUs`."""
        said = f"{self.cpus:g} CPUs and {self.gpus:g} GPUs"
        return f"{said} and {self.memory_gb:.3g} GB" if self.memory_gb else said


def needs(spec: SweepSpec, gpus: float | None = None) -> Needs:
    """What a trial of `spec` takes; `gpus` in place of its own, which is taken for a whole one where it is "auto"."""
    own = 1.0 if spec.gpus == "auto" else spec.gpus
    return Needs(spec.cpus, own if gpus is None else gpus, spec.memory_gb or 0.0)


def places(asked: int | None, each: Needs, nodes: list[Mapping[str, float]]) -> int:
    """How many trials run at a time on nodes that have so much: as many as were asked for, or else as many as fit.

    Raises:
        SettingsError: fewer fit.
    """
    fit = sum(map(each.fit, nodes))
    wanted = asked or max(1, fit)
    if fit < wanted:
        cpus, gpus, memory = (sum(node.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU", "memory"))
        there = Needs(cpus, gpus, memory / _GB if each.memory_gb else 0.0)
        has = f"there are {there.words()}; {fit} at a time would fit"
        raise SettingsError(f"workers is {wanted} with {each.words()} a trial, but {has}")
    return wanted
