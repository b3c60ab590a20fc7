"""Augmentation in a sweep: that of its baseline, and the strongest of its space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.sweep.plan import Plan
from trainables.errors import SettingsError
from trainables.settings import Settings


def baseline(plan: Plan) -> Settings:
    """The settings of the baseline with the user's pins; those of the preset if the recipe has no baseline."""
    recipe, preset = plan.recipe, plan.spec.preset
    training = recipe.baseline if recipe.baseline in recipe.trainings else None
    settings: Settings = recipe.settings(preset, plan.pins, training)
    return settings


def strongest(plan: Plan) -> Settings:
    """The baseline with each searched augmentation at the end of its range where it changes the examples most.

    A setting keeps the baseline's value if the recipe refuses that end together with the others.
    """
    recipe, preset = plan.recipe, plan.spec.preset
    settings = baseline(plan)
    strong: dict[str, Any] = {}
    for name, value in strongest_values(plan).items():
        try:
            settings = recipe.settings(preset, {**settings.model_dump(), **strong, name: value, **plan.pins})
        except SettingsError:
            continue
        strong[name] = value
    return settings


def strongest_values(plan: Plan) -> Mapping[str, Any]:
    """For each searched augmentation, the value at which it changes the training examples most."""
    values: dict[str, Any] = {}
    for name, end in plan.recipe.augmentation.items():
        if (span := plan.ranges.get(name)) is None:
            continue
        if span.kind == "choice":
            values[name] = max(span.choices) if end == "high" else min(span.choices)
        else:
            bound = span.high if end == "high" else span.low
            values[name] = int(bound) if span.kind == "int" else float(bound)
    return values


def baseline_values(plan: Plan) -> Mapping[str, float]:
    """For each searched augmentation that is a number, the baseline's value."""
    settings = baseline(plan).model_dump()
    return {
        name: settings[name]
        for name in plan.recipe.augmentation
        if name in plan.ranges and plan.ranges[name].kind != "choice"
    }
