"""The one description of a sweep: what is trained, what may be varied, how much it may cost.

The same fields make a sweep file (YAML), the options of `steadytune launch` and the `sweep.yaml` kept with the
results. `search.sweep.plan` checks everything that can be known before training, in seconds and without the heavy
libraries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, field_validator

from search.pruning.objective import DEFAULT_OBJECTIVE, DESCRIPTION, EARLIER_OBJECTIVE, ObjectiveName
from search.pruning.stability import EARLIER, StabilitySettings
from search.sweep.earlier_stage import EarlierStage
from search.sweep.measure import Limit, Measure
from search.sweep.removed import REMOVED
from search.sweep.spelling import check_fields
from search.sweep.targets import parse_target
from trainables import registry
from trainables.command.declaration import ArgumentsFile, Parameters, ScriptCheckpoint, Stop, Words
from trainables.errors import SettingsError
from trainables.objective import Metric
from trainables.settings import Earlier, Settings, parse, parse_stored
from trainables.tracks.settings import TracksField

Sampler = Literal["rank_gp", "tpe", "tpe_univariate", "random", "gp", "cmaes", "qmc"]
SchedulerName = Literal["asha", "stopping", "freeze_thaw", "none"]


class SweepSpec(Settings):
    """Every field of a sweep. A budget ends the search at whichever of trials, epochs and hours comes first."""

    name: str = Field(
        description="name of the sweep and of its folder: letters, digits, '.', '-', '_'; recipe and time if not given"
    )
    recipe: str = Field(description="a recipe's name (see `steadytune recipes`) or module:Class")
    preset: str = Field("paper", description="named settings to start from; `steadytune recipes RECIPE` lists them")
    data: str = Field(
        "",
        description="the data set, in the recipe's format: a path, or a URI that each node downloads; scripts and "
        "functions of your own may need none",
    )
    data_cache_gb: float = Field(
        100.0, gt=0, description="limit on the disk space of downloaded data sets on each node, in 10^9 bytes"
    )
    data_fingerprint: str | None = Field(
        None,
        description="checksum of what was downloaded, if `data` is a URI; launch fills it in, and a resume on other "
        "data is refused",
    )
    set: dict[str, Any] = Field({}, description="settings to pin (lr: 1e-3) or to narrow (lr: {low: 1e-5, high: 1e-3})")
    enqueue: list[str] | None = Field(
        None, description="named trainings that run first; the recipe's baseline and what it tries first if not given"
    )
    warm_start: list[str] = Field(
        [], description="earlier sweeps, by name or folder: the 3 best configurations of each are trained first"
    )
    starts_from: str | None = Field(
        None, description="an earlier sweep, by name: all trainings start from its winner's best checkpoint"
    )
    earlier_stages: list[EarlierStage] = Field(
        [], description="launch fills it in: the sweep that this one starts from, the one before that, and so on"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the search, and of the trials' trainings")

    metric: Metric | None = Field(
        None,
        description="what is optimised: a metric that the recipe reports, {name: recall, mode: max}, or a weighted "
        "sum, {name: score, mode: max, sum: {map50: 0.7, recall: 0.3}}; the recipe's own if not given",
    )
    objective: Annotated[ObjectiveName, Earlier(EARLIER_OBJECTIVE)] = Field(DEFAULT_OBJECTIVE, description=DESCRIPTION)
    tracks: TracksField = Field(
        None,
        description="also report idsw, mota, idf1 and hota of a detector over sequences: {sequences: sequences, "
        "trackers: [botsort, bytetrack], every: 1}, or true for these; see [tracks](tracks.md)",
    )
    command: Words | None = Field(
        None, description="for `recipe: command`: the training's command line, see [your own script](own-script.md)"
    )
    args: str = Field("--{name}={value}", description="how each parameter is passed where the command has ${args}")
    args_file: ArgumentsFile | None = Field(
        None, description="a file of parameters for the command's ${args_file}: {file: params.yaml, base: config.yaml}"
    )
    parameters: Parameters = Field(
        {}, description="what may vary: lr: {low: 1e-5, high: 1e-1, log: true, default: 1e-2}; a value alone is fixed"
    )
    checkpoint: ScriptCheckpoint | None = Field(
        None, description="where the script writes its checkpoint, and the arguments that resume it"
    )
    stop: Stop = Field(Stop(), description="how the script is ended: {signal: SIGTERM, grace_seconds: 30}")
    ends_early: bool = Field(False, description="whether the script may end by itself before its last epoch")
    directory: str | None = Field(
        None, description="working directory of the script; where the sweep was launched if not given"
    )

    trials: int = Field(20, gt=0, description="trials that the search may start")
    epochs: int | None = Field(
        None,
        gt=0,
        description="the same as total_epochs (one training's epochs are in set: {epochs: 60}); for `recipe: command` "
        "the epochs of one training, required there",
    )
    total_epochs: int | None = Field(None, gt=0, description="epochs that all trials of the search may take together")
    hours: float | None = Field(None, gt=0, description="wall-clock hours that the whole sweep may take")

    patience: int | None = Field(
        None,
        gt=2,
        description="end the search when this number of finished trials has gained less than the metric's "
        "noise; never if not given",
    )

    sampler: Sampler = Field(
        "rank_gp",
        description="rank_gp, our Gaussian process of ranks, or Optuna's tpe, tpe_univariate, random, gp, cmaes or qmc",
    )
    scheduler: SchedulerName = Field(
        "asha",
        description="how trials are compared at rungs, which are certain epochs: asha pauses those below the cutoff, "
        "stopping stops them; freeze_thaw pauses every trial, and a model chooses the paused or new one that trains "
        "next; none never compares trials",
    )
    grace_epochs: int | None = Field(
        None,
        gt=0,
        description="epochs before the first rung; if not given 8 %, and early rungs before it say who trains first",
    )
    reduction_factor: float | None = Field(
        None,
        gt=1,
        description="ratio of consecutive rungs' epochs; if not given 1.4 (asha), 3 (stopping) or 1.5 (freeze_thaw)",
    )
    min_peers: int = Field(8, ge=1, description="trials that must arrive at asha's first rung before it promotes any")
    stability: StabilitySettings = Field(StabilitySettings(), description="thresholds of the stop rules")
    audit: float = Field(
        0.05, ge=0, le=1, description="share of the stopped trials that are trained to their end, to check the stops"
    )
    confirm_top: int = Field(3, ge=0, description="best configurations that are re-trained on fresh seeds; 0: none")
    confirm_seeds: int = Field(2, gt=0, description="fresh seeds for each of them")
    combine_seeds: bool = Field(False, description="also score the winner's fresh seeds averaged and as an ensemble")

    targets: list[str] = Field(
        [],
        description="what the winner should reach: ['map50_95 >= 0.45', 'val <= 1.2'], or more than a named training: "
        "['map50_95 >= baseline + 0.02']; the report says which are met",
    )
    stop_at_targets: bool = Field(False, description="end the search once a trial meets all targets")

    limits: dict[Measure, Limit] = Field(
        {},
        description="highest cost of a configuration: epoch_seconds: {high: 30}, checkpoint_mb: {high: 100}; "
        "as option epoch_seconds=30",
    )
    also: Measure | None = Field(
        None, description="show the best trade-offs of the metric against epoch_seconds or checkpoint_mb"
    )

    workers: int | None = Field(None, gt=0, description="trials that run at a time; as many as fit if not given")
    cpus: float = Field(1.0, gt=0, description="CPU cores of one trial")
    gpus: float | Literal["auto"] = Field(
        0.0,
        description="GPUs of one trial: 0.5 lets two trials share a GPU; auto lets as many share it as fit, which is "
        "measured by training the baseline",
    )
    memory_gb: float | None = Field(
        None, gt=0, description="main memory of one trial, in 10^9 bytes; a node runs no more trials at a time than fit"
    )
    retries: int = Field(1, ge=0, description="restarts of a trial whose process died, from its last checkpoint")
    hang_minutes: float = Field(
        120.0, gt=0, description="an epoch that takes longer counts as a hang: its process is ended and restarted"
    )
    address: str | None = Field(
        None,
        description="Ray cluster: auto or HOST:PORT joins it, http://HEAD:8265 runs it there as a job; this "
        "machine if not given",
    )

    checkpoint_every: int = Field(1, gt=0, description="epochs between checkpoints")
    keep_checkpoints: int = Field(3, gt=0, description="best checkpoints of the whole sweep that are kept")
    max_checkpoint_gb: float = Field(20.0, gt=0, description="limit on the disk space of checkpoints, in 10^9 bytes")
    storage: str | None = Field(
        None,
        description="URI that all nodes reach, for checkpoints, journal and result; if not given, all nodes "
        "must share --sweeps",
    )
    store: str | None = Field(None, description="MLflow tracking URI; SQLite beside the sweeps if not given")

    @field_validator("name")
    @classmethod
    def _name_is_a_folder(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise ValueError("must be letters, digits, '.', '-' and '_' (at most 64), beginning with a letter or digit")
        return name

    @field_validator("gpus", mode="before")
    @classmethod
    def _gpus_are_shared_or_whole(cls, gpus: Any) -> Any:
        is_valid = isinstance(gpus, (int, float)) and (0 <= gpus <= 1 or (gpus > 1 and float(gpus).is_integer()))
        if gpus != "auto" and (not is_valid or isinstance(gpus, bool)):
            raise ValueError("must be the number of GPUs of one trial: auto, a share from 0 to 1, or a whole number")
        return gpus

    @field_validator("targets")
    @classmethod
    def _targets_can_be_read(cls, targets: list[str]) -> list[str]:
        for target in targets:
            parse_target(target)
        return targets

    @property
    def epoch_budget(self) -> int | None:
        """Epochs that all trials of the search may take together; None if that is not limited."""
        return self.total_epochs or (None if self.recipe == COMMAND else self.epochs)

    @property
    def subject(self) -> str:
        """A short name for what the sweep is about: the folder of its data set, or of its script."""
        return Path(self.data).absolute().parent.name if self.data else Path(self.directory or "").absolute().name

    @property
    def script_files(self) -> list[Path]:
        """The working directory of the script, and the files in it that the command names; empty for other recipes."""
        if self.recipe != COMMAND:
            return []
        folder = Path(self.directory or "").absolute()
        base = [self.args_file.base] if self.args_file and self.args_file.base else []
        named = [folder / word for word in [*(self.command or []), *base] if "${" not in word]
        return [folder, *(path for path in named if path.is_file() and path.is_relative_to(folder))]

    @property
    def declaration(self) -> dict[str, Any]:
        """The fields that concern the recipe, as plain data; see `trainables.declared.declared`."""
        fields = self.model_dump(mode="json", include={*SCRIPT_FIELDS, *OF_RECIPES}, exclude_defaults=True)
        if self.recipe == COMMAND:
            fields |= {"epochs": self.epochs, "data": self.data}
        return {name: value for name, value in fields.items() if value is not None}

    def fields(self) -> dict[str, Any]:
        """All fields with their values; `SCRIPT_FIELDS` and `OF_RECIPES` only where they are not at their defaults."""
        fields = self.model_dump(mode="json", exclude_none=True, exclude={*SCRIPT_FIELDS, *OF_RECIPES})
        return fields | self.model_dump(mode="json", include={*SCRIPT_FIELDS, *OF_RECIPES}, exclude_defaults=True)

    def given(self) -> str:
        """The fields that were given, as YAML, for another process, which adds the defaults."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_unset=True, exclude_none=True), sort_keys=False)

    def dump(self, removed: Mapping[str, Any] | None = None) -> str:
        """This sweep as YAML, as `sweep.yaml` holds it, with the `removed` fields that it had."""
        return yaml.safe_dump(self.fields() | dict(removed or {}), sort_keys=False)


COMMAND = "command"
SCRIPT_FIELDS = ("command", "args", "args_file", "parameters", "checkpoint", "stop", "ends_early", "directory")
"""The fields that only `recipe: command` has."""
OF_RECIPES = ("metric", "tracks")
"""The fields that change what a recipe reports; see `trainables.declared`."""


def read_spec(values: Mapping[str, Any], owner: str) -> SweepSpec:
    """A new sweep from plain values; `owner` (a file's name) begins every complaint.

    Raises:
        SettingsError: the first thing that is wrong, in one sentence.
    """
    for name in values.keys() & REMOVED.keys():
        removed = REMOVED[name]
        raise SettingsError(f"{owner}: {name} was removed: {removed.reason}; {removed.instead}")
    check_fields(values, SweepSpec.model_fields, owner)
    recipe = values.get("recipe")
    missing = [] if recipe else ["recipe"]
    missing += [] if values.get("data") or (recipe and not registry.find(str(recipe)).needs_data) else ["data"]
    if missing and values.keys() <= SweepSpec.model_fields.keys():
        ways = {
            "recipe": "recipe is what is trained (`steadytune recipes` lists them)",
            "data": f"data is the data set (`steadytune sample {recipe or 'RECIPE'} DIR` writes one to try)",
        }
        verb = "are" if len(missing) > 1 else "is"
        example = " ".join(f"--{name} {name.upper()}" for name in missing)
        raise SettingsError(
            f"{owner}: {' and '.join(missing)} {verb} missing: {', '.join(ways[name] for name in missing)}; add "
            f"{'them' if len(missing) > 1 else 'it'} to the sweep file, or give {example}"
        )
    return parse(SweepSpec, values, owner)


def read_stored_spec(values: Mapping[str, Any], owner: str) -> SweepSpec:
    """The sweep that was launched with `values`, perhaps by an earlier version.

    Removed fields are left out. Fields that came later get the value that stands for what that version did.
    """
    fields = {name: value for name, value in values.items() if name not in REMOVED}
    if isinstance(stability := fields.get("stability"), Mapping):
        fields["stability"] = {**EARLIER, **stability}
    return parse_stored(SweepSpec, fields, owner)
