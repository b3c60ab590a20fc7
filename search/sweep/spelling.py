"""Words of other programs that people write in a sweep, and how to write the same here.

W&B and Optuna have other words for the same things. Such a word is refused with the spelling that this program reads;
nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from spaces.added import number_type
from trainables import registry
from trainables.errors import SettingsError, nearest
from trainables.settings import Settings

STAGES = "stages"
"""The field of a file that describes several sweeps, see `search.stages`."""
FIELDS = {
    "method": "W&B's method is `sampler` here: tpe, random, gp …",
    "parameters": "W&B's parameters are `set` here, such as set: {lr: {low: 1e-5, high: 1e-2, log: true}}",
    "space": "the ranges are `set`, such as set: {lr: {low: 1e-5, high: 1e-2, log: true}}",
    "search_space": "the ranges are `set`, such as set: {lr: {low: 1e-5, high: 1e-2, log: true}}",
    "params": "settings are `set`, such as set: {lr: 1e-3}",
    "early_terminate": "W&B's early_terminate is `scheduler` here: asha, stopping or none",
    "pruner": "Optuna's pruner is `scheduler` here: asha, stopping or none",
    "run_cap": "W&B's run_cap is `trials` here",
    "count": "the number of trials is `trials`",
    "n_trials": "Optuna's n_trials is `trials` here",
    "num_samples": "Ray's num_samples is `trials` here",
    "max_evals": "the number of trials is `trials`",
    "timeout": "Optuna's timeout, in seconds, is `hours` here",
    "n_jobs": "the number of trials at a time is `workers`",
    "max_concurrent_trials": "the number of trials at a time is `workers`",
    "direction": "Optuna's direction is part of `metric` here: metric: {name: map50, mode: max}",
    "goal": "W&B's goal is part of `metric` here: metric: {name: map50, mode: max}",
    "study_name": "the study's name is `name`",
    "project": "the sweep's name is `name`",
    "program": "a script of your own is `recipe: command`; `steadytune init -- python train.py` writes the file",
    "model": "a model is what a recipe trains: recipe: ultralytics, set: {model: yolo26n.pt}",
    "dataset": "the data set is `data`",
    "search_alg": "Ray's search_alg is `sampler` here: tpe, random, gp …",
}
"""Fields of other programs, by what to write instead."""
_BOUNDS = {"min", "max", "minimum", "maximum", "lower", "upper"}
_CALL = re.compile(r"\s*(?:\w+\.)*(?:suggest_\w+|(?:q|log)?(?:log)?uniform|(?:q?log)?randint|choice|grid_search)\s*\(")


def check_fields(values: Mapping[str, Any], fields: Mapping[str, Any], owner: str) -> None:
    """Refuse settings of the recipe outside of `set`, other programs' fields, and unknown ones.

    Args:
        values: the sweep, as the user wrote it.
        fields: the names that a sweep has.
        owner: begins the sentence.

    Raises:
        SettingsError: there is one.
    """
    for name, value in zip(map(str, values), values.values(), strict=True):
        if name not in fields and name in _settings(values):
            example = value if isinstance(value, str) or _is_number(value) else "VALUE"
            raise SettingsError(
                f"{owner}: {name} is a setting of {values['recipe']}, no field of a sweep; it belongs in set, such "
                f"as set: {{{name}: {example}}}"
            )
        of_scripts = name == "parameters" and values.get("recipe") == "command"
        if name in FIELDS and not of_scripts and (name not in fields or name == "parameters"):
            raise SettingsError(f"{owner}: {name} is no field of a sweep; {FIELDS[name]}")
        if name not in fields:
            raise SettingsError(f"{owner}: unknown field {name!r}; {nearest(name, [*fields, STAGES])}")


def _settings(values: Mapping[str, Any]) -> Collection[str]:
    """The names of the recipe's settings; none if there is no such recipe, which is told later."""
    try:
        return tuple(registry.find(str(values.get("recipe"))).settings_type.model_fields)
    except SettingsError:
        return ()


EMPTY = {
    "tracks": "true for its defaults, or false",
    "metric": "a metric's name, or {name, mode}",
    "checkpoint": "{path, resume}",
    "args_file": "{file, base}",
}
"""Fields of several values that a file may leave out but not leave empty, by what they may be."""


def check_empty(values: Mapping[str, Any], owner: str) -> None:
    """Refuse a field that is empty in the file but takes several values: its meaning would be a guess.

    Args:
        values: the sweep, as the file has it.
        owner: begins the sentence.

    Raises:
        SettingsError: there is one.
    """
    for name, ways in EMPTY.items():
        if name in values and values[name] is None:
            raise SettingsError(f"{owner}: {name} is empty; give {ways}, or leave {name} out")


def check_spelling(choices: Mapping[str, Any]) -> None:
    """Refuse ranges in other programs' words.

    Args:
        choices: the field `set`.

    Raises:
        SettingsError: one of them is.
    """
    for name, chosen in choices.items():
        if isinstance(chosen, str) and _CALL.match(chosen):
            raise SettingsError(f"set.{name} is {chosen!r}; {_ways()}")
        if not isinstance(chosen, Mapping):
            continue
        foreign = [str(key) for key in chosen if key in _BOUNDS | {"values", "value", "distribution", "type", "q"}]
        if not foreign:
            continue
        written = "values" in chosen or "value" in chosen
        instead = _choices(chosen) if written else _bounds(chosen) if _BOUNDS & chosen.keys() else _ways()
        raise SettingsError(f"set.{name}.{foreign[0]} is another program's word; {instead}")


def check_pairs(choices: Mapping[str, Any], settings_type: type[Settings]) -> None:
    """Refuse two numbers in a list for a continuous setting: they may be meant as two values or as a range.

    Raises:
        SettingsError: there are such.
    """
    for name, chosen in choices.items():
        is_pair = isinstance(chosen, list) and len(chosen) == 2 and name in settings_type.model_fields
        if is_pair and number_type(settings_type, name) is float and all(map(_is_number, chosen)):
            low, high = sorted(chosen)
            raise SettingsError(
                f"set.{name} is {chosen}: two values, or a range? a range is {{low: {low:g}, high: {high:g}}}, with "
                f"log: true if its scale is logarithmic; two values are {{choices: [{chosen[0]:g}, {chosen[1]:g}]}}"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _ways() -> str:
    return "write {low: 1e-5, high: 1e-2, log: true} for a range, a list for choices, a value to pin it"


def _choices(chosen: Mapping[str, Any]) -> str:
    values = chosen.get("values", chosen.get("value"))
    return f"write the {'list' if 'values' in chosen else 'value'} itself: {values}"


def _bounds(chosen: Mapping[str, Any]) -> str:
    low = next((chosen[key] for key in ("min", "minimum", "lower") if key in chosen), "LOW")
    high = next((chosen[key] for key in ("max", "maximum", "upper") if key in chosen), "HIGH")
    log = ", log: true" if "log" in str(chosen.get("distribution", "")) else ""
    return f"write {{low: {low}, high: {high}{log}}}"
