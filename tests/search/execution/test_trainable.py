"""A recipe as a Ray trainable; that it trains is shown in tests/sweeps/."""

from __future__ import annotations

import ast
import inspect

from ray import tune

from search.execution.trainable import RecipeTrainable


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
