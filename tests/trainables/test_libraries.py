from __future__ import annotations

import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import REPOSITORY
from trainables import libraries, registry
from trainables.errors import SettingsError

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
METADATA = [
    *PROJECT["dependencies"],
    *(f"{line}; extra == '{extra}'" for extra, lines in EXTRAS.items() for line in lines),
]
"""As a build writes it for pip."""


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "requires", lambda package: METADATA)


def test_every_built_in_recipe_has_an_extra_and_all_holds_them() -> None:
    (whole,) = EXTRAS["all"]
    assert Requirement(whole).extras == set(map(libraries.extra_of, registry.BUILT_IN)) <= EXTRAS.keys()


def test_extras_are_spelt_as_every_pip_finds_them() -> None:
    """A build writes `resnet-yolo` for `resnet_yolo`. Asked for the latter, pip 23.2 warns and installs nothing."""
    assert [canonicalize_name(extra) for extra in EXTRAS] == list(EXTRAS)


@pytest.mark.usefixtures("metadata")
def test_libraries_that_are_not_installed_are_named_with_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "version", version_without("torch", "ultralytics", "timm", "ray"))
    with pytest.raises(SettingsError) as error:
        registry.find_installed("refdet")
    fix = "pip install '.[refdet]' in a clone installs it (docs/install.md)"
    assert str(error.value) == f"recipe 'refdet' needs what is not installed here: timm, torch, ultralytics; {fix}"
    assert libraries.missing("yolox") == ["torch"]
    assert registry.find("refdet").name == "refdet", "sweeps of others can be looked at without them"
    assert libraries.missing("command") == []


def test_a_checkout_that_is_not_installed_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> list[str]:
        raise PackageNotFoundError

    monkeypatch.setattr(libraries, "requires", absent)
    assert libraries.missing("yolox") == []


def version_without(*absent: str) -> object:
    def version(distribution: str) -> str:
        if distribution in absent:
            raise PackageNotFoundError
        return "1"

    return version


def closure(lines: list[str]) -> set[str]:
    """The distributions that `lines` bring, directly or not, as they are installed here."""
    names: set[str] = set()
    asked: set[tuple[str, frozenset[str]]] = set()
    todo = [Requirement(line) for line in lines]
    while todo:
        requirement = todo.pop()
        name, extras = canonical(requirement.name), frozenset(requirement.extras)
        if (name, extras) in asked:
            continue
        asked.add((name, extras))
        if name == libraries.PACKAGE:
            todo += [Requirement(line) for extra in extras for line in EXTRAS[extra]]
            continue
        names.add(name)
        with suppress(PackageNotFoundError):  # another platform's, or replaced by tool.uv
            children = [Requirement(line) for line in requires(name) or []]
            todo += [child for child in children if child.marker is None or holds(child, extras)]
    return names


def holds(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras})


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


WITHOUT = """
import importlib, importlib.util, pkgutil, sys
from importlib.machinery import PathFinder
packages, blocked = (set(words.split(",")) for words in sys.argv[1:])

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = super().find_spec(name, path, target)
        inside_ray = spec and "thirdparty_files" in str(spec.origin)  # its copy of psutil
        return spec if name not in blocked or inside_ray else None

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
for package in sorted(packages):
    spec = importlib.util.find_spec(package)
    for module in pkgutil.walk_packages(spec.submodule_search_locations, package + "."):
        sinks = {"search.sinks.tensorboard_events": "tensorboard", "search.sinks.wandb_runs": "wandb"}
        library = sinks.get(module.name)
        of_an_extra = library and (library in blocked or importlib.util.find_spec(library) is None)
        measures_torch = module.name.endswith("gpu_sharing")
        if not (of_an_extra or measures_torch or module.name.endswith("__main__")):
            importlib.import_module(module.name)
"""


@pytest.mark.e2e  # imports everything, which takes a quarter of a minute each
@pytest.mark.parametrize(
    ("extra", "packages"),
    [
        ("", "search,spaces,trainables.command"),
        ("tensorboard", "search.sinks"),
        *((libraries.extra_of(recipe), f"trainables.{recipe}") for recipe in registry.BUILT_IN),
    ],
)
def test_what_an_extra_brings_is_enough(extra: str, packages: str) -> None:
    requirements = [*PROJECT["dependencies"], *([f"steadytune[{extra}]"] if extra else [])]
    absent = closure(["steadytune[all]"]) - closure(requirements)
    assert extra or {"torch", "ultralytics", "timm"} <= absent
    modules = {
        module for module, names in packages_distributions().items() if {canonical(name) for name in names} <= absent
    }
    command = [sys.executable, "-c", WITHOUT, packages, ",".join(modules)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
