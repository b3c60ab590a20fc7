"""Strict, frozen settings: unknown names are refused, every value is checked, every complaint is one sentence.

`Settings` is the base of each recipe's settings and of the sweep's own description. `parse` builds one from plain
data, `read_yaml` and `parse_value` read that data the way people write it (`1e-3` is a number, a key given twice is
an error). `parse_stored` builds the settings of a training that is over or interrupted, which an older version may
have written: a field that is newer says by `Earlier` what those trainings had in effect.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from trainables.errors import DataError, SettingsError, nearest
from trainables.regular_file import read_regular
from trainables.yaml_text import load


class Settings(BaseModel):
    """Frozen named values. A name that is not a field is refused; a number is never made out of a string."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False)


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True)
class Earlier:
    """Annotates a field that a recipe got later: what the trainings from before it had in effect.

    It is no default: whoever writes settings anew, in a preset or a file, gives the field a value.

    Example:
        class MySettings(Settings):
            lr: float = Field(gt=0, description="learning rate")
            clip_norm: Annotated[float, Earlier(0.0)] = Field(ge=0, description="largest norm; 0: no limit")
    """

    value: Any


def earlier_values(model: type[Settings]) -> dict[str, Any]:
    """The fields of `model` that are marked by `Earlier`, with those values."""
    return {
        name: marker.value
        for name, field in model.model_fields.items()
        for marker in field.metadata
        if isinstance(marker, Earlier)
    }


def at_earlier_values(settings: Settings) -> set[str]:
    """The fields marked by `Earlier` that have that value, so that a training is the same with and without them."""
    return {name for name, value in earlier_values(type(settings)).items() if getattr(settings, name) == value}


def parse(model: type[SettingsT], values: Mapping[str, Any], owner: str) -> SettingsT:
    """Build `model` from plain `values`; `owner` ("resnet_yolo", "sweep.yaml") begins every complaint.

    Raises:
        SettingsError: with the first wrong field, its value, the rule and, for an unknown name, the nearest valid one.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError(f"{owner}: {_sentence(model, error, 'add it')}") from None


def parse_stored(model: type[SettingsT], values: Mapping[str, Any], owner: str) -> SettingsT:
    """Build `model` from the `values` that a training was stored with, by this version or an older one.

    For journals, checkpoints, exports and registered models, never for what a user writes anew.

    Raises:
        SettingsError: as `parse`; a field is missing that is not marked by `Earlier`.
    """
    try:
        return model.model_validate({**earlier_values(model), **values})
    except ValidationError as error:
        fix = "these settings are older than it, use the version that wrote them"
        raise SettingsError(f"{owner}: {_sentence(model, error, fix)}") from None


def _sentence(model: type[BaseModel], error: ValidationError, fix_missing: str) -> str:
    """The first complaint of pydantic as one sentence that names field, value, rule and fix."""
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    field = ".".join(path) or "settings"
    if first["type"] == "extra_forbidden":
        return f"unknown setting {field!r}; {nearest(path[-1], _fields(model, path[:-1]))}"
    if first["type"] == "missing":
        return f"setting {field!r} is missing and has no default; {fix_missing}"
    rule = first["msg"].removeprefix("Value error, ")
    rule = re.sub(r"^(Input|String|List|Tuple|Dictionary|Value) should", "must", rule)
    if field == "settings":
        return rule
    return f"setting {field!r} is {first['input']!r}; it {rule}" if rule.startswith("must") else f"{field}: {rule}"


def _fields(model: type[BaseModel], path: list[str]) -> list[str]:
    """The valid names at `path` inside `model`, following nested settings."""
    parts = iter(path)
    for part in parts:
        field = model.model_fields.get(part)
        inner = _settings_type(field.annotation) if field else None
        if field is None or inner is None:
            return []
        if typing.get_origin(field.annotation) is dict:
            next(parts, None)  # the key
        model = inner
    return list(model.model_fields)


def _settings_type(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, dict):
        for choice in typing.get_args(annotation):
            nested = _settings_type(choice)
            if nested:
                return nested
    return None


def read_settings(path: Path, model: type[Settings]) -> dict[str, Any]:
    """The settings in the YAML file at `path`: some of a training's, as a user gives them, or all of them.

    A file that has every field of `model` but newer ones is the complete `settings.yaml` of a training, and is read as
    stored: the newer fields have their values of `Earlier`.

    Raises:
        SettingsError: as `read_yaml`.
    """
    values, earlier = read_yaml(path), earlier_values(model)
    return {**earlier, **values} if set(model.model_fields) - set(earlier) <= set(values) else values


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in the YAML file at `path`.

    Raises:
        SettingsError: the file is missing, unreadable, no valid YAML (with the line) or no mapping.
    """
    try:
        text = read_regular(path, "yaml_bytes")[0].decode("utf-8-sig")
    except DataError as error:
        raise SettingsError(str(error)) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: cannot be read ({error}); it must be a readable YAML text file") from None
    loaded = load(text, str(path))
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{path}: holds a {type(loaded).__name__}; it must be a YAML mapping of `key: value` lines")
    return loaded


def parse_value(text: str, owner: str) -> Any:
    """The YAML value that `text` stands for: `1e-3`, `true`, `[1, 2]`, `{low: 1e-5, high: 1e-3}`."""
    return load(text, owner)


def to_yaml(settings: Settings) -> str:
    """`settings` as YAML that `read_yaml` and `parse` read back, in the order of the fields."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
