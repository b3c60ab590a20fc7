"""What may import what, and how large things may grow."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import import_graph, structure

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("trainables", "spaces", "search")
"""From the bottom to the top: each imports only itself and those before it."""

UNITS = (
    *(
        "next_step",
        "pruning",
        "journal",
        "sweep",
        "storage",
        "sampling",
        "state",
        "control",
        "export",
        "execution",
        "views",
    ),
    *(
        "replay",
        "lr_range",
        "tracking",
        "sinks",
        "training",
        "predict",
        "stages",
        "check",
        "run",
        "python_api",
        "tune",
        "doctor",
        "cli",
    ),
)
"""The packages and modules in `search/`, in the same way from the bottom to the top."""
FLOORS = 10
VAGUE_SHARE = 0.01
"""The most that may be vague of all names that `search/` binds."""

CONFINED = {
    "ray": ("search/execution/", "search/run/sweep_run.py"),
    "optuna": ("search/sampling/", "search/views/importance.py", "search/sinks/optuna_storage.py"),
    "mlflow": ("search/tracking/", "search/replay/mlflow_source.py"),
    "typer": ("search/cli/",),
    "plotly": ("search/views/charts/html.py",),
    "matplotlib": ("search/views/charts/png.py", "search/lr_range/figure.py"),
    "tensorboard": ("search/sinks/tensorboard_events.py", "trainables/logs/tensorboard_events.py"),
    "wandb": ("search/sinks/wandb_runs.py",),
    "pyarrow": ("search/journal/", "search/storage/object_store.py"),
}
"""Where each library may be imported: folders and files."""
ONLY_TRAINABLES = {
    "torch",
    "torchvision",
    "ultralytics",
    "cv2",
    "faster_coco_eval",
    "sklearn",
    "yolox",
    "timm",
    "av",
    "h5py",
    "pytorchvideo",
    "onnxruntime",
    "trackeval",
}

MODULE_LINES, MEDIAN_MODULE_LINES, FUNCTION_LINES = 300, 120, 60


@cache
def modules() -> dict[str, ast.Module]:
    """Path from the repository's root to syntax tree."""
    return import_graph.parse(REPOSITORY, PACKAGES)


@cache
def units() -> dict[str, set[str]]:
    """Which packages and modules in `search/` each of them imports."""
    return import_graph.unit_graph(modules())


@pytest.mark.parametrize("path", modules())
def test_imports_point_down(path: str) -> None:
    rank = PACKAGES.index(path.partition("/")[0])
    above = set(PACKAGES[rank + 1 :])
    assert [
        name for name in import_graph.imports(modules()[path], checkers=False) if name.partition(".")[0] in above
    ] == []


@pytest.mark.parametrize("path", modules())
def test_third_parties_stay_where_they_belong(path: str) -> None:
    used = {name.partition(".")[0] for name in import_graph.imports(modules()[path], checkers=False)}
    assert [name for name in used if not path.startswith(CONFINED.get(name, path))] == []
    assert path.startswith("trainables/") or not used & ONLY_TRAINABLES


UNPICKLES = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
SAFE = {"torch.load": "weights_only", "torch.hub.load_state_dict_from_url": "weights_only"}
OPEN = {"yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "torch.hub.load", "eval", "exec"}


@pytest.mark.parametrize("path", modules())
def test_nothing_reads_a_file_in_a_way_that_runs_what_it_says(path: str) -> None:
    """Checkpoints, weights and configurations may come from elsewhere."""
    for node in ast.walk(modules()[path]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            owner = node.module if isinstance(node, ast.ImportFrom) else None
            assert (owner == "pickle" and names == ["UnpicklingError"]) or not UNPICKLES & {owner, *names}, path
        elif isinstance(node, (ast.Call, ast.Attribute)):
            called = ast.unparse(node.func if isinstance(node, ast.Call) else node)
            assert called not in OPEN, f"{path}:{node.lineno}"
            if isinstance(node, ast.Call):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert called not in SAFE or given.get(SAFE[called]) == "True", f"{path}:{node.lineno}"
                loaders = ("_Loader", "_SafeLoader")
                assert called != "yaml.load" or given.get("Loader") in loaders, f"{path}:{node.lineno}"
                assert given.get("allow_pickle", "False") == "False", f"{path}:{node.lineno}"
                assert "torch.load" not in map(ast.unparse, node.args) or given.get("weights_only") == "True", path


def test_there_are_no_import_cycles() -> None:
    assert import_graph.cycles(import_graph.module_graph(modules())) == []


def test_every_package_of_search_has_its_place_in_the_order() -> None:
    assert sorted(units()) == sorted(UNITS)


def test_what_search_consists_of_imports_only_what_is_below_it() -> None:
    """Imports in functions and for type checkers included: a reader has to follow those too."""
    assert list(import_graph.upward(units(), UNITS)) == []


def test_search_has_few_floors() -> None:
    assert max(import_graph.floors(units(), UNITS).values()) <= FLOORS


def test_names_say_what_they_hold() -> None:
    vague = [
        f"{path}:{line}: {name}"
        for path, tree in modules().items()
        if path.startswith("search/")
        for line, name in structure.bindings(tree)
        if structure.is_vague(name)
    ]
    assert structure.vague_share(modules()) <= VAGUE_SHARE, "\n".join(vague)


@pytest.mark.parametrize("path", modules())
def test_a_module_fits_into_a_head(path: str) -> None:
    assert len((REPOSITORY / path).read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


def test_most_modules_are_short() -> None:
    lengths = [len((REPOSITORY / path).read_text(encoding="utf-8").splitlines()) for path in modules()]
    assert statistics.median(lengths) <= MEDIAN_MODULE_LINES


@pytest.mark.parametrize("path", modules())
def test_a_function_fits_on_a_page(path: str) -> None:
    long = [
        f"{path}:{node.name}"
        for node in ast.walk(modules()[path])
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


def bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in node.bases]


def undocumented(node: ast.AST, owner: str, inherited: bool) -> Iterator[str]:
    """Public functions, classes and methods under `node` that say nothing; a method may say it where it is declared."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.ClassDef)) or child.name.startswith("_"):
            continue
        if not ast.get_docstring(child) and not (inherited and isinstance(child, ast.FunctionDef)):
            yield f"{owner}:{child.name}"
        if isinstance(child, ast.ClassDef):
            yield from undocumented(child, f"{owner}:{child.name}", inherited=bool(bases(child)))


@pytest.mark.parametrize("path", modules())
def test_everything_public_says_what_it_is(path: str) -> None:
    if not path.endswith("__main__.py") or ast.get_docstring(modules()[path]):
        assert ast.get_docstring(modules()[path]), f"{path} has no docstring"
    assert list(undocumented(modules()[path], path, inherited=False)) == []
