"""A recipe as a Ray trainable; that it trains is shown in tests/sweeps/."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from search.execution.resources import TrialResources
from search.execution.trainable import FAILED, OUT_OF_MEMORY, RecipeTrainable
from trainables.registry import find


def attributes(kind: type) -> set[str]:
    """The attributes that the methods of a class assign to its objects."""
    nodes = ast.walk(ast.parse(inspect.getsource(kind)))
    assigned = (node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return {node.attr for node in assigned if isinstance(node.value, ast.Name) and node.value.id == "self"}


def test_no_attribute_of_rays_is_overwritten() -> None:
    assert "_storage" in attributes(tune.Trainable), "Ray resets it with each trial"
    assert not attributes(RecipeTrainable) & attributes(tune.Trainable)


def test_only_rays_public_methods_are_overridden() -> None:
    private = {name for name in vars(RecipeTrainable) if name.startswith("_") and not name.startswith("__")}
    assert not private & set(dir(tune.Trainable))


@pytest.mark.parametrize(
    ("gpus", "result"),
    [
        (0.5, {OUT_OF_MEMORY: True}),
        (1.0, {FAILED: "too little memory, with a GPU of its own: CUDA out of memory. Tried to allocate 200.00 GiB."}),
        (0.0, {FAILED: "OutOfMemoryError: CUDA out of memory. Tried to allocate 200.00 GiB."}),
    ],
)
def test_out_of_memory_is_a_failure_only_with_a_gpu_of_its_own(
    gpus: float, result: dict[str, Any], tmp_path: Path
) -> None:
    recipe = "tests.support.crowd:Greedy"
    config = {
        **{"recipe": recipe, "declaration": None, "data": str(tmp_path), "storage": "", "checkpoint_every": 1},
        **{"data_began": "", "data_earlier": [], "data_cache_gb": 1.0, "data_fingerprint": "", "checkpoint_at": []},
        **{"hang_seconds": 60.0, "resources": TrialResources(1, gpus, 0), "folder": str(tmp_path / "trials")},
        **{"trial": 0, "settings": find(recipe).settings("tiny", {}).model_dump(), "epochs": 0},
    }
    step = RecipeTrainable(config).step()
    assert {key: str(value).partition(" (see ")[0] if key == FAILED else value for key, value in step.items()} == result
