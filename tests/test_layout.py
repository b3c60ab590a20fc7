"""The rails that make plain folder names safe as import names (CONTRIBUTING.md)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["search", "trainables", "spaces"])
def test_our_names_resolve_to_this_repository(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin == str(REPOSITORY / name / "__init__.py")
    assert (REPOSITORY / name / "STEADYTUNE").is_file()
    assert (REPOSITORY / name / "py.typed").is_file()


def test_mlflow_is_the_library_and_not_our_folder_of_that_name() -> None:
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    assert REPOSITORY / "mlflow" not in Path(spec.origin).parents


def test_the_folder_mlflow_holds_no_python() -> None:
    assert list((REPOSITORY / "mlflow").rglob("*.py")) == []


def test_only_the_kit_is_a_package() -> None:
    """`tests/mlflow/__init__.py`, say, would shadow the library where the folder `tests` is on the path."""
    packages = {path.parent.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "tests").rglob("__init__.py")}
    assert packages == {"tests", "tests/support"}


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base"}
    modules = [path for top in ("search", "trainables", "spaces", "tests") for path in (REPOSITORY / top).rglob("*.py")]
    assert [path for path in modules if vague & set(path.stem.split("_"))] == []
