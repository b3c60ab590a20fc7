"""Reads a new sweep from its file and from options."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.sweep.spec import COMMAND, SweepSpec, read_spec
from search.sweep.spelling import STAGES, check_empty
from search.sweep.uri import located, located_store, located_sweep
from spaces.value_range import KEYS
from trainables import registry
from trainables.errors import SettingsError
from trainables.settings import read_yaml
from trainables.start import start_settings

MERGED_FIELDS = ("set", "stability")
"""Fields whose options add to the sweep file's mapping; other options replace the file's value."""


def with_bounds(choices: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The field `set` with what is `given` on top, where `lr.high` is one bound of the range of `lr`."""
    values = dict(choices)
    for name, value in given.items():
        setting, dot, key = name.rpartition(".")
        if dot and key in KEYS:
            before = values.get(setting)
            bounds = before if isinstance(before, Mapping) and set(before) <= set(KEYS) else {}
            values[setting] = {**bounds, key: value}
        else:
            values[name] = value
    return values


def read_sweep(file: Path | None, fields: Mapping[str, Any]) -> SweepSpec:
    """The sweep that a file describes, with `fields` (from options) overriding it; a sweep without a name gets one.

    Raises:
        SettingsError: the file cannot be read, or a field is unknown, missing or has a wrong value.
    """
    values = read_yaml(file) if file else {}
    if STAGES in values:
        raise SettingsError(f"{file}: has stages, which are several sweeps; `steadytune launch` and `check` run them")
    return spec_of(values, fields, str(file) if file else "sweep")


def spec_of(in_file: Mapping[str, Any], fields: Mapping[str, Any], owner: str) -> SweepSpec:
    """The sweep with the values `in_file`, overridden by `fields`; `owner` begins every error message.

    Raises:
        SettingsError: see `read_sweep`.
    """
    check_empty(in_file, owner)
    values = merged(in_file, fields, owner)
    if "recipe" in values:
        values.setdefault("name", name_by_time(str(values["recipe"])))
    if values.get("recipe") == COMMAND:  # the sweep may be resumed from another working directory
        values["directory"] = str(Path(str(values.get("directory") or "")).absolute())
    return _with_start_files(_with_whole_paths(read_spec(values, owner)))


def _with_whole_paths(spec: SweepSpec) -> SweepSpec:
    """`spec` with absolute paths of its data, store and earlier sweeps, since it may be resumed from another folder.

    Data that are no file here are left as they are: the recipe may know them by that name.
    """
    paths: dict[str, Any] = {}
    if spec.warm_start:
        paths["warm_start"] = [located_sweep(sweep) for sweep in spec.warm_start]
    if spec.data and Path(spec.data).exists():
        paths["data"] = located(spec.data)
    if spec.store:
        paths["store"] = located_store(spec.store)
    return spec.model_copy(update=paths)


def _with_start_files(spec: SweepSpec) -> SweepSpec:
    """`spec` with absolute paths of the files that trainings start from, since workers run in other folders.

    The files of a script are relative to its `directory`. What is no file here is left: the recipe may know the name.
    """
    if spec.recipe == COMMAND:
        return spec
    try:
        names = start_settings(registry.find(spec.recipe, spec.declaration), Path("export"))
    except SettingsError:  # no such recipe, which the plan says, or one without start weights
        return spec
    starts = {name: _file_here(value) for name, value in spec.set.items() if name in names}
    return spec.model_copy(update={"set": {**spec.set, **starts}})


def _file_here(value: Any) -> Any:
    if isinstance(value, list):
        return [_file_here(choice) for choice in value]
    if isinstance(value, dict):
        return {key: _file_here(part) for key, part in value.items()}
    looks_like_a_path = isinstance(value, str) and (os.sep in value or Path(value).suffix)
    return str(Path(value).absolute()) if looks_like_a_path and Path(value).exists() else value


def name_by_time(recipe: str) -> str:
    """A sweep's name if the user gives none."""
    # "yolox" of recipe "yolox", "mine" of recipe "package.mine:Recipe"
    stem = recipe.partition(":")[0].rpartition(".")[2]
    return f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"


def merged(in_file: Mapping[str, Any], fields: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The fields `in_file` with `fields` on top: what is in one of `MERGED_FIELDS` adds to the file's mapping.

    Raises:
        SettingsError: a field that must be a mapping is none.
    """
    values = dict(in_file)
    for field in MERGED_FIELDS:
        mapping, on_top = values.get(field) or {}, fields.get(field) or {}
        for given in (mapping, on_top):
            if not isinstance(given, dict):
                raise SettingsError(f"{owner}: {field} is {given!r}; it must be a mapping of names to values")
        if mapping or field in fields:
            merge = with_bounds if field == "set" else operator.or_
            values[field] = merge(mapping, on_top)
    return values | {name: value for name, value in fields.items() if name not in MERGED_FIELDS}
