"""The names on `docs/architecture.md` are the code's, and `CONTRIBUTING.md` says what the tests hold."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support import import_graph, structure
from tests.test_architecture import CONFINED, UNITS, modules

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "architecture.md"
FOLDERS = ("", "search", "trainables", "tests", "docs")
"""Where a path on the page may begin."""


@cache
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def spans() -> list[str]:
    """What stands in backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```$", "", text()))


@cache
def classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


@cache
def imported() -> set[str]:
    """Names that the code imports from elsewhere, such as Ray's classes."""
    return {name.rpartition(".")[2] for tree in modules().values() for name in import_graph.imports(tree)}


def attributes(name: str) -> set[str]:
    """Methods and fields of a class of ours and of those that it derives from."""
    if name not in classes():
        return set()
    node = classes()[name]
    names = {item.name for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))}
    names |= {bound for _, bound in structure.bindings(node)}
    return names.union(*(attributes(ast.unparse(base).partition("[")[0]) for base in node.bases))


def functions(stem: str) -> set[str]:
    """Functions, classes and constants of all modules that are named so."""
    return {
        name
        for path, tree in modules().items()
        if Path(path).stem == stem
        for node in tree.body
        for name in (
            [node.name]
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            else [bound for _, bound in structure.bindings(node)]
        )
    }


def is_there(path: str) -> bool:
    return any((REPOSITORY / folder / path).exists() for folder in FOLDERS) or (
        "/" not in path and any(Path(module).name == path for module in modules())
    )


def test_the_page_tells_the_way_of_an_epoch() -> None:
    assert len([span for span in spans() if span.endswith(".py")]) >= 8
    assert len([span for span in spans() if span.partition(".")[0] in classes()]) >= 8


def test_every_file_on_the_page_exists() -> None:
    paths = {span for span in spans() if re.fullmatch(r"[\w./-]+(\.(py|md|yaml|toml)|/)", span)}
    assert sorted(path for path in paths if not is_there(path)) == []


def test_every_class_on_the_page_exists_and_has_the_attribute_that_is_named() -> None:
    unknown = []
    for span in spans():
        match = re.fullmatch(r"([A-Z][A-Za-z]*[a-z][A-Za-z]*)(?:\.(\w+)(?:\(.*\))?)?", span)
        if match:
            name, attribute = match.groups()
            ours = attribute is None or attribute in attributes(name)
            unknown += [] if (ours if name in classes() else name in imported()) else [span]
    assert unknown == []


def test_every_function_on_the_page_exists() -> None:
    """Such as `rules.decide`: a module's name and what it defines; and modules by their whole name."""
    unknown = []
    names = {import_graph.dotted(path) for path in modules()}
    stems = {Path(path).stem for path in modules()}
    for span in spans():
        match = re.fullmatch(r"([a-z_]+)\.(\w+)(?:\(.*\))?", span)
        if match and match[1] in stems and match[2] not in ("py", "md"):
            unknown += [] if match[2] in functions(match[1]) else [span]
        elif re.fullmatch(r"(search|spaces|trainables)(\.\w+)+", span):
            unknown += [] if span in names or span.rpartition(".")[0] in names else [span]
    assert unknown == []


def test_the_page_has_the_packages_of_search_from_the_bottom_to_the_top() -> None:
    rows = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", text(), re.MULTILINE)
    assert [row for row in rows if row in UNITS] == list(UNITS)


@pytest.mark.parametrize("library", CONFINED)
def test_contributing_says_where_a_library_may_be_imported(library: str) -> None:
    row = f"| `{library}` | {', '.join(f'`{folder}`' for folder in CONFINED[library])} |"
    assert row in (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
