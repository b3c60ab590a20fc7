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
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from trainables.errors import DataError, SettingsError, hint, nearest
from trainables.regular_file import STANDARD_INPUT, read_regular, read_standard_input
from trainables.yaml_text import load


class Settings(BaseModel):
    """Frozen named values. A name that is not a field is refused; a number is never made out of a string."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False)


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True)
class Earlier:
    """Annotates a field that a recipe got later: the value that earlier trainings had in effect.

    It is no default: new settings, in a preset or a file, must give the field a value.

    Example:
        class MySettings(Settings):
            lr: float = Field(gt=0, description="learning rate")
            clip_norm: Annotated[float, Earlier(0.0)] = Field(ge=0, description="largest norm; 0: no limit")
    """

    value: Any


def earlier_values(model: type[Settings]) -> dict[str, Any]:
    """The fields of `model` that are annotated with `Earlier`, with these values."""
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
    # A misspelt name is told before what is missing because of it.
    first = min(error.errors(include_url=False), key=lambda complaint: complaint["type"] != "extra_forbidden")
    path = [str(part) for part in first["loc"]]
    field = ".".join(path) or "settings"
    if first["type"] == "extra_forbidden":
        return f"unknown setting {field!r}; {nearest(path[-1], _fields(model, path[:-1]))}"
    if first["type"] == "missing":
        return f"setting {field!r} is missing and has no default; {fix_missing}"
    rule = rule_of(first)
    if path and path[-1] == "[key]":
        return f"unknown setting {'.'.join(path[:-1])!r}; a name there {rule}"
    if field == "settings":
        return rule
    return _told(field, first["input"], rule)


def _told(field: str, value: Any, rule: str) -> str:
    return f"setting {field!r} is {_short(value)}; it {rule}" if rule.startswith("must") else f"{field}: {rule}"


def check_value(model: type[BaseModel], name: str, value: Any, owner: str) -> None:
    """Whether the field `name` of `model` may have `value`, whatever the others have; `owner` begins the complaint.

    Raises:
        SettingsError: it may not.
    """
    field = model.model_fields[name]
    config = ConfigDict(strict=True, allow_inf_nan=False)
    annotation: Any = Annotated[field.annotation, field]
    checker: TypeAdapter[Any] = TypeAdapter(annotation, config=config)
    try:
        checker.validate_python(value)
    except ValidationError as error:
        rule = rule_of(error.errors(include_url=False)[0])
        raise SettingsError(f"{owner}: {_told(name, value, rule)}") from None


_RULES = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(
        ("string_type", "string_sub_type", "string_unicode"), "must be text, in quotes if it looks like a number"
    ),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "must be a list, such as [a, b]"),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "mapping_type"),
        "must be a mapping of names to values, such as {{name: value}}",
    ),
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "value_error": "{error}",
    "assertion_error": "{error}",
}
"""What pydantic checks, in our words, by the type of its error."""


def rule_of(detail: Mapping[str, Any]) -> str:
    """The rule that a value broke, such as "must be a whole number", from one of a `ValidationError`'s `errors()`."""
    template = _RULES.get(detail["type"], "must be another kind of value")
    limits = detail.get("ctx", {}).items()
    rule = template.format(**{name: f"{value:.15g}" if isinstance(value, float) else value for name, value in limits})
    if detail["type"] == "literal_error" and isinstance(detail["input"], str):
        rule += hint(detail["input"], _QUOTED.findall(rule), "; did you mean {!r}?")
    return rule


_QUOTED = re.compile("'([^']*)'")


LONGEST_VALUE = 80
"""Characters of a wrong value that a sentence repeats."""


def _short(value: Any) -> str:
    """A wrong value as its writer knows it: YAML has null, true and false."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _fields(model: type[BaseModel], path: list[str]) -> list[str]:
    """The valid names at `path` inside `model`, following nested settings, lists and mappings of settings."""
    annotation: Any = model
    parts = iter(path)
    for part in parts:
        settings = _settings_type(annotation)
        field = settings.model_fields.get(part) if settings else None
        if field is None:
            return []
        annotation = field.annotation
        if _is_collection(annotation):
            next(parts, None)  # the key, or the number
    settings = _settings_type(annotation)
    return list(settings.model_fields) if settings else []


def _settings_type(annotation: Any) -> type[BaseModel] | None:
    """The settings in an annotation, also in an optional one or in a list or mapping of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_settings_type, typing.get_args(annotation))), None)


def _is_collection(annotation: Any) -> bool:
    """Whether an annotation, also an optional one, is a mapping or a list."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(map(_is_collection, typing.get_args(annotation)))
    return typing.get_origin(annotation) in (dict, list)


def read_settings(path: Path, model: type[Settings]) -> dict[str, Any]:
    """The settings in the YAML file at `path`: some of a training's, as a user gives them, or all of them.

    A file that has every field of `model` but newer ones is the complete `settings.yaml` of a training, and is read as
    stored: the newer fields have their values of `Earlier`.

    Raises:
        SettingsError: as `read_yaml`.
    """
    values, earlier = read_yaml(path), earlier_values(model)
    return {**earlier, **values} if set(model.model_fields) - set(earlier) <= set(values) else values


def read_yaml(path: Path, exponents: bool = True) -> dict[str, Any]:
    """The mapping in the YAML file at `path`; "-" and "/dev/stdin" are standard input. `exponents`: see `load`.

    Raises:
        SettingsError: the file is missing, a folder, unreadable, no valid YAML (with the line) or no mapping.
    """
    loaded = load(yaml_text(path), str(path), exponents)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        kind = "a list" if isinstance(loaded, list) else "only a value"
        raise SettingsError(f"{path}: holds {kind}; it must be a YAML mapping of `key: value` lines")
    return loaded


def yaml_text(path: Path) -> str:
    """The text of the YAML file at `path`, from which byte order marks are gone.

    Raises:
        SettingsError: the file is missing, a folder, unreadable or no text.
    """
    if path.is_dir():
        raise SettingsError(f"{path}: is a folder; give the YAML file itself")
    try:
        is_piped = path in STANDARD_INPUT
        content = read_standard_input("yaml_bytes") if is_piped else read_regular(path, "yaml_bytes")[0]
        return content.decode("utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except DataError as error:
        raise SettingsError(str(error)) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is no UTF-8 text; save it as UTF-8") from None


def parse_value(text: str, owner: str) -> Any:
    """The YAML value that `text` stands for: `1e-3`, `true`, `[1, 2]`, `{low: 1e-5, high: 1e-3}`."""
    return load(text, owner)


def to_yaml(settings: Settings) -> str:
    """`settings` as YAML that `read_yaml` and `parse` read back, in the order of the fields."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
