"""A checked sweep: its spec, recipe, ranges and everything derived from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from search.pruning.rungs import early_rungs, first_rung, milestones
from search.sweep.data_identity import DataIdentity
from search.sweep.data_look import DataLook
from search.sweep.field_checks import check_together
from search.sweep.spec import COMMAND, SchedulerName, SweepSpec
from search.sweep.spelling import check_spelling
from search.sweep.targets import Target, parse_target
from search.sweep.uri import check_uri, is_uri
from spaces import registry as space_registry
from spaces.added import gives_range
from spaces.space import Space, drawn, ranges
from spaces.value_range import Range, narrowed
from trainables import registry as recipe_registry
from trainables.errors import SettingsError, nearest, no_data_at
from trainables.objective import Bounds
from trainables.recipe import PROCESSES, AnyRecipe
from trainables.settings import Settings, earlier_values
from trainables.vision.findings import Finding

GRACE = 0.08
"""Share of a training before the first rung. On public curves `asha` then takes no more epochs than Ray's at 10 %."""


FACTORS: Mapping[SchedulerName, float] = {"asha": 1.4, "stopping": 3.0, "freeze_thaw": 1.5, "none": 1.4}
"""Factor between the epochs of two rungs: the best on public curves (`docs/pruning.md`); `stopping`: 3, as Li et al."""


@dataclass(frozen=True)
class Plan:
    """A checked sweep: the spec and everything derived from it.

    Attributes:
        spec: as the user gave it.
        recipe, space: those that the spec names.
        named: (name, settings) of the trainings that run first, pins applied.
        ranges: of the settings that are drawn, narrowed as the user asked.
        max_epochs: epochs of a whole training.
        findings: what the reader of the data set repaired or left out; filled in once the data have been read.
        data: which data they are; filled in likewise.
        data_look: what the data set holds; filled in once it has been looked at.
    """

    spec: SweepSpec
    recipe: AnyRecipe
    space: Space
    named: tuple[tuple[str, dict[str, Any]], ...]
    ranges: Mapping[str, Range]
    max_epochs: int
    findings: tuple[Finding, ...] = ()
    data: DataIdentity | None = None
    data_look: DataLook | None = None

    @property
    def pins(self) -> dict[str, Any]:
        """The user's pinned settings."""
        return pins(self.spec, self.recipe)

    @cached_property
    def bounds(self) -> Bounds | None:
        """The lowest and the highest value that the metric can have; None if they are not known."""
        preset = self.recipe.presets.get(self.spec.preset, {})
        return self.recipe.metric_bounds({**preset, **self.pins})

    @property
    def grace_epochs(self) -> int:
        """Epochs before the first rung: as given, or `GRACE` of a training."""
        return self.spec.grace_epochs or first_rung(GRACE, self.max_epochs)

    @property
    def reduction_factor(self) -> float:
        """The factor between the epochs of two rungs: as given, or from `FACTORS`."""
        return self.spec.reduction_factor or FACTORS[self.spec.scheduler]

    @property
    def rungs(self) -> list[int]:
        """The epochs at which the scheduler compares trials, rising."""
        return milestones(self.grace_epochs, self.reduction_factor, self.max_epochs)

    @property
    def early_rungs(self) -> list[int]:
        """The epochs before these at which it puts trials in order, rising; none in a grace period that was given."""
        if self.spec.scheduler != "asha" or self.spec.grace_epochs:
            return []
        return early_rungs(self.grace_epochs, self.reduction_factor)

    @property
    def all_rungs(self) -> list[int]:
        """All epochs at which the scheduler compares trials, rising; none if it never does."""
        return [] if self.spec.scheduler == "none" else [*self.early_rungs, *self.rungs]

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """What the winner should reach; "baseline" is the recipe's, whatever its name."""
        parsed = map(parse_target, self.spec.targets)
        return tuple(
            replace(target, over=self.recipe.baseline) if target.over == "baseline" else target for target in parsed
        )

    @cached_property
    def references(self) -> frozenset[str]:
        """The named trainings that the result is compared with: the baseline, and those that targets name."""
        compared = {self.recipe.baseline, *(target.over for target in self.targets)}
        return frozenset(name for name, _ in self.named if name in compared)

    @cached_property
    def target_metrics(self) -> frozenset[str]:
        """The metrics and losses that targets name, and the metrics by part that go with them; never the objective."""
        named = {target.metric for target in self.targets}
        by_part = {metric for target in self.targets for metric in self.by_part(target)}
        return frozenset(named | by_part) - {self.recipe.metric}

    def by_part(self, target: Target) -> list[str]:
        """The names of the target's metric on each part of the held-out data; none if it names no training."""
        return [f"{part}/{target.metric}" for part in self.recipe.held_out_parts if target.over]

    @property
    def varying(self) -> list[str]:
        """The numbers whose range depends on what was drawn before."""
        return [name for name, span in self.ranges.items() if span.varies]

    @property
    def earlier_values(self) -> dict[str, Any]:
        """For settings that are searched only since a later version: the values that older trials trained with."""
        earlier = earlier_values(self.recipe.settings_type)
        return {name: value for name, value in earlier.items() if name in self.ranges}

    def settings(self, drawn: Mapping[str, Any], seed: int) -> Settings:
        """The settings of one trial: the preset, then what was drawn, then the user's pins."""
        settings: Settings = self.recipe.settings(self.spec.preset, {**self._seeded(drawn, seed), **self.pins})
        return settings

    def repeated(self, trained: Mapping[str, Any], seed: int) -> Settings:
        """The settings of a training repeated on another `seed`, unless the seed is pinned. Later pins do not count."""
        values = trained if "seed" in self.pins else self._seeded(trained, seed)
        settings: Settings = self.recipe.settings(self.spec.preset, values)
        return settings

    def _seeded(self, values: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
        return {**values, "seed": seed} if "seed" in self.recipe.settings_type.model_fields else values


def pins(spec: SweepSpec, recipe: AnyRecipe) -> dict[str, Any]:
    """The user's choices that are values rather than ranges."""
    return {name: value for name, value in spec.set.items() if not gives_range(recipe.settings_type, name, value)}


def make_plan(spec: SweepSpec, *, training: bool = True) -> Plan:
    """Check `spec` against its recipe, its space and, if it is for `training`, its data set's presence.

    Raises:
        SteadytuneError: the first problem, in one sentence.
    """
    find_recipe = recipe_registry.find_installed if training else recipe_registry.find
    recipe = find_recipe(spec.recipe, spec.declaration)
    check_spelling(spec.set)
    spec = _with_processes(_for_recipe(spec, recipe), recipe)
    if training and spec.sampler == "gp" and find_spec("torch") is None:
        raise SettingsError("sampler is gp, a Gaussian process that needs torch; pip install torch, or give tpe")
    space = space_registry.find(recipe, spec.preset, spec.set)
    if spec.storage:
        check_uri("storage", spec.storage)
    pinned = pins(spec, recipe)
    base = recipe.settings(spec.preset, pinned)
    if is_uri(spec.data):
        check_uri("data", spec.data)
    elif training and spec.data:
        spec = _with_data(spec, recipe, base)
    chosen = _choices(spec, recipe, space)
    named = _named(spec, recipe, pinned)
    max_epochs = int(base.model_dump()["epochs"])
    if spec.grace_epochs is not None and spec.grace_epochs > max_epochs:
        raise SettingsError(
            f"grace_epochs is {spec.grace_epochs}; it must be at most the {max_epochs} epochs of a training"
        )
    if len(named) > spec.trials:
        raise SettingsError(f"trials is {spec.trials}; it must be at least the {len(named)} enqueued trainings")
    plan = Plan(spec, recipe, space, named, chosen, max_epochs)
    check_together(plan)
    _check_corners(plan)
    return plan


def _named(spec: SweepSpec, recipe: AnyRecipe, pinned: Mapping[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """The trainings that run first: the enqueued ones, else the recipe's, without those that pins make equal."""
    names = [recipe.baseline, *recipe.tried_first] if spec.enqueue is None else spec.enqueue
    named = [(name, recipe.settings(spec.preset, pinned, name).model_dump()) for name in names]
    if spec.enqueue is not None:
        return tuple(named)
    settings = [values for _, values in named]
    different = [training for index, training in enumerate(named) if training[1] not in settings[:index]]
    return tuple(different[: spec.trials])


PAUSING = ("asha", "freeze_thaw")
"""The schedulers that pause trials."""


def _for_recipe(spec: SweepSpec, recipe: AnyRecipe) -> SweepSpec:
    """`spec` with other defaults, if the recipe has only one preset or its trainings cannot be paused.

    Raises:
        SettingsError: its trainings cannot be paused, but a scheduler that pauses trials was asked for; or GPUs cannot
            be measured for it.
    """
    if spec.gpus == "auto" and spec.recipe == COMMAND:
        raise SettingsError(
            "gpus is auto, which measures the memory of this program's own trainings, not of a script; give a number: "
            "0.5 lets two scripts share a GPU"
        )
    changed: dict[str, Any] = {}
    if "preset" not in spec.model_fields_set and len(recipe.presets) == 1:
        changed["preset"] = next(iter(recipe.presets))
    if not recipe.resumes and spec.scheduler in PAUSING:
        if "scheduler" in spec.model_fields_set:
            raise SettingsError(
                f"scheduler is {spec.scheduler}, which pauses trials, but a training of {recipe.name} cannot go on "
                "later; give checkpoint: {path, resume}, or scheduler: stopping"
            )
        changed["scheduler"] = "stopping"
    return spec.model_copy(update=changed)


def _with_processes(spec: SweepSpec, recipe: AnyRecipe) -> SweepSpec:
    """`spec` with a process for each GPU of a trial, if the recipe's trainings have several processes.

    Raises:
        SettingsError: a training could not use the GPUs, or its processes would lack some.
    """
    gpus: float = 1.0 if spec.gpus == "auto" else spec.gpus
    if gpus > 1 and not recipe.several_gpus:
        raise SettingsError(
            f"gpus is {gpus:g}, but a training of {recipe.name} uses one GPU, so the others would be idle; give 1"
            " or a share, and trials run side by side"
        )
    if PROCESSES not in recipe.settings_type.model_fields:
        return spec
    processes = spec.set.get(PROCESSES, max(1, int(gpus)))
    if gpus and isinstance(processes, int) and processes != max(1, int(gpus)):
        raise SettingsError(
            f"set.{PROCESSES} is {processes}, but gpus is {spec.gpus}; each process has a GPU: give gpus: {processes}"
        )
    return spec.model_copy(update={"set": {**spec.set, PROCESSES: processes}}) if gpus > 1 else spec


def _with_data(spec: SweepSpec, recipe: AnyRecipe, settings: Settings) -> SweepSpec:
    """`spec` with the path of its data set, which the recipe may know by a name. Raises DataError: there is none."""
    path = recipe.locate(spec.data, settings.model_dump())
    if path is None:
        raise no_data_at(spec.data, spec.recipe)
    return spec.model_copy(update={"data": path})


def _choices(spec: SweepSpec, recipe: AnyRecipe, space: Space) -> dict[str, Range]:
    """The ranges that settings are drawn from, narrowed by the user; only a setting that is searched may have one."""
    searched = ranges(space)
    fields = recipe.settings_type.model_fields
    for name, chosen in spec.set.items():
        if name not in fields:
            raise SettingsError(f"set.{name} is no setting of {recipe.name}; {nearest(name, fields)}")
        if not gives_range(recipe.settings_type, name, chosen):
            continue
        if name not in searched and name not in ranges(space, {name: chosen}):  # some are drawn only if asked for
            raise SettingsError(
                f"set.{name} gives a range, but {name} is not searched; pin one value. searched: {', '.join(searched)}"
            )
        if name in searched:
            narrowed(name, searched[name], chosen)
    return ranges(space, spec.set)


def _check_corners(plan: Plan) -> None:
    """Check the settings at each bound of each range, so that no trial fails on one hours later."""
    for _ in corners(plan):
        pass


def corners(plan: Plan) -> Iterator[Settings]:
    """The settings at each bound of each range."""
    for end in ("low", "high"):
        for name, span in plan.ranges.items():
            values = span.choices or (int(getattr(span, end)) if span.kind == "int" else float(getattr(span, end)),)
            for value in values:
                yield plan.settings({**span.under, name: value}, seed=0)


def draw(plan: Plan, trial: Any) -> dict[str, Any]:
    """The values that the space draws from Optuna's `trial` within the user's ranges."""
    return drawn(plan.space, trial, plan.spec.set)
