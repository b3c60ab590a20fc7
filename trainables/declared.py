"""A recipe with two fields of a sweep file applied to it: `metric`, what is optimised, and `tracks`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from trainables.errors import SettingsError
from trainables.objective import ANY_METRIC, Metric, Objective, better, check_reported, reported_as, with_mode
from trainables.optimised import optimising
from trainables.recipe import AnyRecipe
from trainables.settings import Settings, parse
from trainables.tracks.settings import BOUNDS, MODES, TracksField


class Declaration(Settings):
    """The fields of a sweep file that concern any recipe; None for its own metric, and for no tracking."""

    metric: Metric | None = None
    tracks: TracksField | None = None


SWITCHES_ALONE = (
    "metric: a detector that finds nothing has no ID switches, so it would win; hota or idf1 say how well objects are "
    "followed."
)


@runtime_checkable
class Declares(Protocol):
    """A recipe whose trainings are wholly described by the sweep file."""

    def declared(self, fields: Mapping[str, Any]) -> AnyRecipe:
        """The recipe that `fields` describe. Raises SettingsError."""


def check_tracked(metrics: Iterable[str], recipe: AnyRecipe) -> None:
    """Refuse a metric that tracks would report, for a `recipe` without them.

    Raises:
        SettingsError: there is one among `metrics`.
    """
    for name in metrics:
        if name.partition("/")[0] in MODES and reported_as(name, recipe.reports) in (None, ANY_METRIC):
            raise SettingsError(
                f"metric is {name!r}, which is of objects that are followed through sequences; add `tracks: true` "
                "(docs/tracks.md)"
            )


def declared(recipe: AnyRecipe, fields: Mapping[str, Any]) -> AnyRecipe:
    """`recipe` with `fields`, which are those of `Declaration`, unless the recipe has others.

    Raises:
        SettingsError: one of them is wrong, or is not for this recipe.
    """
    if isinstance(recipe, Declares):
        return recipe.declared(fields)
    for name in fields.keys() - Declaration.model_fields.keys():
        raise SettingsError(f"{name} is for `recipe: command`, not for {recipe.name}; leave it out")
    declaration = parse(Declaration, dict(fields), "sweep")
    seldom: Mapping[str, str] = {}
    if declaration.tracks is not None:
        from trainables.tracks.tracked import tracked  # which imports NumPy and Pillow

        recipe, seldom = tracked(recipe, declaration.tracks), declaration.tracks.names()
    objective = declaration.metric
    if objective is None or objective == Objective(name=recipe.metric):
        return recipe
    for name in ("source", "losses", "held_out_losses", "rates"):
        if getattr(objective, name):
            raise SettingsError(f"metric.{name} is for `recipe: command`; {recipe.name} reports its epochs itself")
    if objective.mode is None and not objective.sum:
        if not seldom:
            check_tracked(objective.parts, recipe)
        check_reported(objective.name, recipe.reports, f"metric: {recipe.name}")
        objective = objective.model_copy(update={"mode": better(objective.name, recipe.reports)})
    bounds = {name: BOUNDS[metric] for name, metric in seldom.items() if metric in BOUNDS}
    optimised = optimising(recipe, with_mode(objective), frozenset(seldom), bounds)
    if seldom.get(objective.name) == "idsw":
        kind = type(optimised)
        optimised = type(kind.__name__, (kind,), {"notes": (*kind.notes, SWITCHES_ALONE)})()
    return optimised
