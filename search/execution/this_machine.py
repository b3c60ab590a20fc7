"""What this machine has for trials: the numbers that Ray would count if a sweep started it here."""

from __future__ import annotations

from collections.abc import Mapping

import ray
from ray._private.resource_and_label_spec import ResourceAndLabelSpec

from search.execution.resources import trial_resources, worker_slots
from search.sweep.plan import Plan
from search.sweep.spec import SweepSpec
from trainables.errors import SettingsError

CPU_PRESET = "tiny"
OBJECT_STORE_BYTES = 100_000_000
"""Trials exchange numbers only; Ray's default is a third of the memory."""


def resources() -> list[Mapping[str, float]]:
    """The resources of this machine, or of the session that runs already in this process, in Ray's names."""
    if ray.is_initialized():
        return [node["Resources"] for node in ray.nodes() if node["Alive"]]
    counted = ResourceAndLabelSpec(object_store_memory=OBJECT_STORE_BYTES).resolve(is_head=True)
    amounts = {"CPU": counted.num_cpus, "GPU": counted.num_gpus, "memory": counted.memory}
    return [{name: float(amount or 0) for name, amount in amounts.items()}]


def preset_notes(plan: Plan) -> list[str]:
    """A note if this machine has no GPU, but the preset is made for one; else empty."""
    spec, presets = plan.spec, plan.recipe.presets
    if spec.address or spec.preset != "paper" or CPU_PRESET not in presets or resources()[0].get("GPU"):
        return []
    settings = plan.settings({}, spec.seed).model_dump()
    size = next((settings[name] for name in ("image_size", "imgsz", "input_size") if name in settings), None)
    at = "" if size is None else f" at {size} pixels"
    return [
        f"this machine has no GPU, and a training of preset {spec.preset} takes {plan.max_epochs} epochs{at}; "
        f"`--preset {CPU_PRESET}` is made for CPUs"
    ]


def check_resources(spec: SweepSpec) -> None:
    """Check that this machine has the resources that trials need, before Ray is started, which takes seconds.

    A sweep on a cluster is not checked here, since only the cluster's nodes know their resources.

    Raises:
        SettingsError: there are too few CPUs or GPUs, or too little memory.
    """
    if spec.address:
        return
    trial, available = trial_resources(spec), resources()
    if trial.gpus and not available[0].get("GPU"):
        fix = "leave gpus out to train on the CPU, or give --address of a cluster that has some"
        raise SettingsError(f"gpus is {spec.gpus}, but this machine has no GPU that Ray and torch can use; {fix}")
    shared = spec.gpus == "auto"  # how many trials fit on a GPU is measured later
    worker_slots(None if shared else spec.workers, trial, available)
