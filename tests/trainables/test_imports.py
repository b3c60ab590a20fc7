"""Which parts of `trainables/` import which: in one direction."""

from __future__ import annotations

from pathlib import Path

from tests.support import import_graph
from trainables.registry import BUILT_IN

GRAPH = import_graph.unit_graph(import_graph.parse(Path(__file__).parents[2]), "trainables")


def test_no_two_folders_import_each_other() -> None:
    assert import_graph.cycles(GRAPH) == []


def test_recipes_do_not_import_each_other() -> None:
    assert [(name, target) for name in BUILT_IN for target in GRAPH[name] if target in BUILT_IN] == []


def test_what_recipes_share_knows_none_of_them() -> None:
    shared = GRAPH.keys() - BUILT_IN
    assert [(name, target) for name in sorted(shared) for target in GRAPH[name] if target in BUILT_IN] == []
