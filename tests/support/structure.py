"""How a checkout is built, in numbers: `python -m tests.support.structure [FOLDER]` prints them as a table.

`tests/test_architecture.py` holds this repository to some of these numbers. Units, arrows and floors are explained in
`tests/support/import_graph.py`.
"""

from __future__ import annotations

import argparse
import ast
import io
import math
import statistics
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.import_graph import arrows, cycles, floors, module_graph, parse, unit_graph, upward

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
