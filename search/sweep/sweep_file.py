"""Reads a new sweep from its file and what is given beside it."""

from __future__ import annotations

import operator
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.sweep.spec import COMMAND, SweepSpec, read_spec
from spaces.value_range import KEYS
from trainables.errors import SettingsError
from trainables.settings import read_yaml

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
    for field in MERGED_FIELDS:
        in_file = values.get(field) or {}
        if not isinstance(in_file, dict):
            raise SettingsError(f"{file}: {field} is {in_file!r}; it must be a mapping of names to values")
        if in_file or field in fields:
            merge = with_bounds if field == "set" else operator.or_
            values[field] = merge(in_file, fields.get(field, {}))
    values |= {name: value for name, value in fields.items() if name not in MERGED_FIELDS}
    if "recipe" in values:
        # "yolox" of recipe "yolox", "mine" of recipe "package.mine:Recipe"
        stem = str(values["recipe"]).partition(":")[0].rpartition(".")[2]
        values.setdefault("name", f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}")
    if values.get("recipe") == COMMAND:  # a resume may come from another folder
        values["directory"] = str(Path(str(values.get("directory") or "")).absolute())
    return read_spec(values, str(file) if file else "sweep")
