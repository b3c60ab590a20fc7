"""Which module imports which, as graphs of modules and of units.

A *unit* is a package or a loose module directly in `search/`; one unit that imports another is an *arrow*, imports
inside functions and those for type checkers included. A unit's *floor* is one more than the highest floor of what it
imports.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PACKAGES = ("trainables", "spaces", "search")

MOST_PERMUTED = 8
"""Units in a cycle of imports up to which every order is tried to find the fewest arrows that run up."""

Graph = Mapping[str, set[str]]
"""Name of each node to the names of the nodes that it points at."""


def parse(root: Path, packages: Sequence[str] = PACKAGES) -> dict[str, ast.Module]:
    """Path from `root` to the syntax tree of every module in `packages`."""
    paths = sorted(path for package in packages for path in (root / package).rglob("*.py"))
    return {path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def dotted(path: str) -> str:
    """The module's name: `search.state` of `search/state/__init__.py`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(node: ast.AST, *, functions: bool = True, checkers: bool = True) -> Iterator[str]:
    """Names of what is imported under `node`; of `from a import b`, both `a` and `a.b`.

    Args:
        node: the module, or a part of it.
        functions: whether imports inside functions count.
        checkers: whether imports for type checkers only (`if TYPE_CHECKING:`) count.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: imports are absolute"
            assert child.module is not None
            yield child.module
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test) and not checkers:
            continue
        elif functions or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from imports(child, functions=functions, checkers=checkers)


def module_graph(modules: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Which module imports which when it is itself imported."""
    names = {dotted(path) for path in modules}
    return {
        dotted(path): {name for name in imports(tree, functions=False, checkers=False) if name in names}
        - {dotted(path)}
        for path, tree in modules.items()
    }


def unit_of(name: str, package: str = "search") -> str | None:
    """The unit of `package` that the module `name` lies in, None if it lies elsewhere or is the package itself."""
    parts = name.split(".")
    return parts[1] if parts[0] == package and len(parts) > 1 else None


def unit_graph(modules: Mapping[str, ast.Module], package: str = "search") -> dict[str, set[str]]:
    """The arrows between the units of `package`."""
    inside = {path: unit for path in modules if (unit := unit_of(dotted(path), package))}
    units = set(inside.values()) - {"__main__"}  # it only calls the command line
    graph: dict[str, set[str]] = {unit: set() for unit in units}
    for path, unit in inside.items():
        if unit in units:
            targets = {unit_of(name, package) for name in imports(modules[path])}
            graph[unit] |= {target for target in targets if target in units and target != unit}
    return graph


def arrows(graph: Graph) -> list[tuple[str, str]]:
    """Every arrow of `graph`: who points, and at whom."""
    return [(source, target) for source in sorted(graph) for target in sorted(graph[source])]


def cycles(graph: Graph) -> list[list[str]]:
    """The largest groups of nodes of which each can be reached from each other one."""
    reached = {node: _reachable(graph, node) for node in graph}
    groups = {frozenset(other for other in reached[node] if node in reached[other]) for node in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reachable(graph: Graph, start: str) -> set[str]:
    """What can be reached from `start` in one step or more."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph[waiting.pop()] - reached:
            reached.add(target)
            waiting.append(target)
    return reached


def upward(graph: Graph, order: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """The arrows that run up in `order` (bottom first); without one, in the order in which they are fewest."""
    if order is not None:
        height = {unit: index for index, unit in enumerate(order)}
        return [(source, target) for source, target in arrows(graph) if height[target] > height[source]]
    return [arrow for group in cycles(graph) for arrow in _fewest_upward(graph, group)]


def _fewest_upward(graph: Graph, group: list[str]) -> list[tuple[str, str]]:
    inner = {node: graph[node] & set(group) for node in group}
    if len(group) > MOST_PERMUTED:  # the nodes that import most go to the top
        return upward(inner, sorted(group, key=lambda node: len(inner[node])))
    return min((upward(inner, order) for order in itertools.permutations(group)), key=len)


def floors(graph: Graph, order: Sequence[str] | None = None) -> dict[str, int]:
    """The floor of each node, from 1, without the arrows that run up."""
    up = set(upward(graph, order))
    below = {node: {target for target in graph[node] if (node, target) not in up} for node in graph}
    height: dict[str, int] = {}
    while len(height) < len(below):
        ready = {node for node, targets in below.items() if node not in height and targets <= height.keys()}
        assert ready, "there is a cycle"
        height |= {node: 1 + max((height[target] for target in below[node]), default=0) for node in ready}
    return height
