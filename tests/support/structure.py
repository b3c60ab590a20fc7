"""How a checkout is built, in numbers: `python -m tests.support.structure [FOLDER]` prints them as a table.

`tests/test_architecture.py` holds this repository to some of these numbers. A *unit* is a package or a loose module
directly in `search/`; one unit that imports another is an *arrow*, imports inside functions and those for type
checkers included. A unit's *floor* is one more than the highest floor of what it imports.
"""

from __future__ import annotations

import argparse
import ast
import io
import itertools
import math
import statistics
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PACKAGES = ("trainables", "spaces", "search")

VAGUE = frozenset(
    {
        "found",
        "one",
        "own",
        "known",
        "made",
        "place",
        "places",
        "words",
        "left",
        "shown",
        "said",
        "whole",
        "mine",
        "theirs",
        "told",
        "seen",
        "kept",
        "given",
        "there",
        "wanted",
        "brought",
        "asked",
        "such",
        "held",
    }
)
"""Names that say nothing of what they hold."""

MOST_PERMUTED = 8
"""Units in a cycle of imports up to which every order is tried to find the fewest arrows that run up."""

Graph = Mapping[str, set[str]]
"""Name of each node to the names of the nodes that it points at."""


# --- imports -----------------------------------------------------------------------------------------------------


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


# --- names -------------------------------------------------------------------------------------------------------


def bindings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each parameter, variable, field and attribute of `self` that is bound under `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg not in ("self", "cls"):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.name
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            yield node.lineno, node.attr


def is_vague(name: str) -> bool:
    """Whether `name`, private or not, is one of `VAGUE`."""
    return name.strip("_") in VAGUE


def vague_share(modules: Mapping[str, ast.Module], folder: str = "search/") -> float:
    """Share of the names bound in `folder` that are vague."""
    names = [name for path, tree in modules.items() if path.startswith(folder) for _, name in bindings(tree)]
    return sum(map(is_vague, names)) / len(names)


# --- lines -------------------------------------------------------------------------------------------------------


def count_lines(text: str, tree: ast.Module) -> tuple[int, int]:
    """Lines with a comment, and lines of code: neither empty nor in a docstring nor nothing but a comment."""
    lines = text.splitlines()
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    alone = {number for number in comments if lines[number - 1].lstrip().startswith("#")}
    documentation = {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    code = sum(bool(line.strip()) for line in lines) - len(alone) - len(documentation)
    return len(comments), code


def length(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a class or function, decorators apart."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def imports_inside_functions(tree: ast.AST, *, inside: bool = False) -> int:
    """How many import statements lie in functions."""
    total = 0
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            total += inside
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            total += imports_inside_functions(child, inside=inside or function)
    return total


def percentile(values: Sequence[int], share: float) -> int:
    """The smallest of `values` that at least `share` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


# --- the table ---------------------------------------------------------------------------------------------------


def count(root: Path) -> dict[str, str]:
    """What there is to say of the checkout `root`: the rows of `table`."""
    modules = parse(root)
    texts = {path: (root / path).read_text(encoding="utf-8") for path in modules}
    return _sizes(modules, texts) | _arrows(modules) | _words(modules, texts, root)


def _sizes(modules: Mapping[str, ast.Module], texts: Mapping[str, str]) -> dict[str, str]:
    lines = [len(text.splitlines()) for text in texts.values()]
    nodes = [node for tree in modules.values() for node in ast.walk(tree)]
    functions = [length(node) for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    classes = [(length(node), node.name) for node in nodes if isinstance(node, ast.ClassDef)]
    longest, name = max(classes)
    return {
        "modules": f"{len(lines)}",
        "lines": f"{sum(lines):,}",
        "lines of a module: median, 95 %, most": _spread(lines),
        "lines of a function: median, 95 %, most": _spread(functions),
        "largest class": f"`{name}`, {longest} lines",
    }


def _spread(values: Sequence[int]) -> str:
    return f"{statistics.median(values):.0f}, {percentile(values, 0.95)}, {max(values)}"


def _arrows(modules: Mapping[str, ast.Module]) -> dict[str, str]:
    graph = unit_graph(modules)
    up = ", ".join(f"`{source}` to `{target}`" for source, target in upward(graph))
    return {
        "units in `search/`": f"{len(graph)}",
        "floors": f"{max(floors(graph).values())}",
        "arrows": f"{len(arrows(graph))}",
        "arrows that run up": f"{len(upward(graph))}" + (f" ({up})" if up else ""),
        "cycles of units": f"{len(cycles(graph))}",
        "cycles of modules": f"{len(cycles(module_graph(modules)))}",
    }


def _words(modules: Mapping[str, ast.Module], texts: Mapping[str, str], root: Path) -> dict[str, str]:
    inside = {path: tree for path, tree in modules.items() if path.startswith("search/")}
    names = [name for tree in inside.values() for _, name in bindings(tree)]
    comments, code = map(sum, zip(*(count_lines(texts[path], tree) for path, tree in modules.items()), strict=True))
    return {
        "vague names in `search/`": f"{sum(map(is_vague, names))} of {len(names)}, {vague_share(modules):.1%}",
        "lines with a comment": f"{comments} of {code}, {comments / code:.1%}",
        "imports inside functions": f"{sum(map(imports_inside_functions, modules.values()))}",
        "words in the README": f"{len((root / 'README.md').read_text(encoding='utf-8').split()):,}",
    }


def table(checkouts: Mapping[str, Path]) -> Iterator[str]:
    """Lines of a Markdown table with one column per checkout."""
    columns = [count(root) for root in checkouts.values()]
    yield "| | " + " | ".join(checkouts) + " |"
    yield "| --- |" + " --- |" * len(checkouts)
    for row in columns[0]:
        yield f"| {row} | " + " | ".join(column[row] for column in columns) + " |"


def main() -> None:
    """Print the table of the folders given on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", default=[Path()], help="checkouts; one column each")
    folders = parser.parse_args().folders
    print("\n".join(table({str(folder): folder for folder in folders})))


if __name__ == "__main__":
    main()
