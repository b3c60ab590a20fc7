"""The stages of a sweep file, and where they are kept.

SWEEPS/NAME/stages.yaml     what each stage is; what of it has happened is in the stages' own sweeps
SWEEPS/NAME-STAGE/          each an ordinary sweep
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from search.next_step import command
from search.sweep.folder import STAGES_FILE, SweepFolder, check_name
from search.sweep.spec import SweepSpec, read_stored_spec
from search.sweep.spelling import STAGES
from search.sweep.sweep_file import merged, name_by_time, spec_of
from trainables import registry
from trainables.atomic import new_folder_once
from trainables.errors import SettingsError
from trainables.settings import read_yaml
from trainables.start import start_settings

NOT_OF_A_STAGE = ("recipe", "starts_from", "earlier_stages", STAGES)
"""Fields that only the top of the file may have, or none."""


@dataclass(frozen=True)
class Stages:
    """Sweeps in a row.

    Attributes:
        name: of the series.
        specs: the sweeps; from the second on each `starts_from` the one before it.
    """

    name: str
    specs: tuple[SweepSpec, ...]

    def short(self, spec: SweepSpec) -> str:
        """What a stage is called in the file."""
        return spec.name.removeprefix(f"{self.name}-")

    def dump(self) -> str:
        """These stages as the text of `stages.yaml`."""
        return yaml.safe_dump({"name": self.name, STAGES: [spec.fields() for spec in self.specs]}, sort_keys=False)


def read_file(file: Path | None, fields: Mapping[str, Any]) -> SweepSpec | Stages:
    """The sweep, or the stages, that a file describes; `fields` (from options) override it, in every stage.

    Raises:
        SettingsError: the file cannot be read, or a field is unknown, missing or has a wrong value.
    """
    values = read_yaml(file) if file else {}
    owner = str(file) if file else "sweep"
    return _stages(values, fields, owner) if STAGES in values else spec_of(values, fields, owner)


def _stages(values: Mapping[str, Any], fields: Mapping[str, Any], owner: str) -> Stages:
    top = {name: value for name, value in values.items() if name != STAGES}
    listed = values[STAGES]
    if not isinstance(listed, list) or not all(isinstance(stage, dict) for stage in listed) or len(listed) < 2:
        raise SettingsError(
            f"{owner}: stages must be a list of at least two, each with its name and what differs: "
            "stages: [{name: pretrain, data: a}, {name: finetune, data: b}]"
        )
    series = str({**top, **fields}.get("name") or name_by_time(str(top.get("recipe", "sweep"))))
    check_name(series)
    if "starts_from" in fields:  # the other options are for all stages, this one is the first one's
        top["starts_from"] = fields["starts_from"]
    options = {name: value for name, value in fields.items() if name not in ("name", "starts_from")}
    specs: list[SweepSpec] = []
    for number, stage in enumerate(listed, 1):
        specs.append(_stage(top, stage, options, series, specs[-1] if specs else None, f"{owner}: stage {number}"))
    if len({spec.name for spec in specs}) < len(specs):
        raise SettingsError(f"{owner}: two stages have the same name; give each its own")
    return Stages(series, tuple(specs))


def _stage(
    top: Mapping[str, Any],
    stage: Mapping[str, Any],
    options: Mapping[str, Any],
    series: str,
    before: SweepSpec | None,
    owner: str,
) -> SweepSpec:
    name = stage.get("name")
    if name is None:
        raise SettingsError(f"{owner}: name is missing; its sweep is called {series}-NAME")
    if not isinstance(name, str) or not name:
        raise SettingsError(f"{owner}: name is {name!r}; it must be text, in quotes if it is a number")
    for field in NOT_OF_A_STAGE:
        if field in stage:
            raise SettingsError(f"{owner} ({name}): {field} cannot be a stage's own; leave it out of the stage")
    shared = dict(top)
    if before is not None:
        shared["starts_from"] = before.name
        if isinstance(top.get("set"), dict):  # where the first stage starts from says nothing about the others
            of_start = start_settings(registry.find(before.recipe, before.declaration), Path("export"))
            shared["set"] = {setting: value for setting, value in top["set"].items() if setting not in of_start}
    named = f"{owner} ({name})"
    values = merged(merged(shared, stage, named), options, named)
    return spec_of({**values, "name": f"{series}-{name}"}, {}, named)


class StagesFolder:
    """Where the stages `name` in the folder of sweeps `root` are kept."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root.absolute()
        self.name = name
        self.file = self.root / name / STAGES_FILE

    def exists(self) -> bool:
        """Whether `name` is that of stages."""
        return self.file.is_file()

    def check_free(self, stages: Stages) -> None:
        """Check that neither the name of the series nor that of a stage is taken.

        Raises:
            SteadytuneError: one is.
        """
        if self.exists():
            raise SettingsError(
                f"name is {self.name}, but {self.file.parent} exists, with stages; give another name, or go on with "
                f"them: `{command('resume', self.name, self.root)}`"
            )
        for name in (self.name, *(spec.name for spec in stages.specs)):
            SweepFolder(self.root, name).check_free()

    def create(self, stages: Stages) -> None:
        """Write down what the stages are; a process that is killed leaves all of it, or nothing.

        Raises:
            SteadytuneError: a name is taken.
        """
        self.check_free(stages)
        with new_folder_once(self.file.parent) as partial:
            (partial / self.file.name).write_text(stages.dump(), encoding="utf-8")

    def read(self) -> Stages:
        """The stages as they are written down.

        Raises:
            SettingsError: the file was damaged, or edited into something that cannot be run.
        """
        owner = str(self.file)
        listed = read_yaml(self.file).get(STAGES)
        if not isinstance(listed, list) or not listed or not all(isinstance(stage, dict) for stage in listed):
            raise SettingsError(f"{owner}: stages is missing or no list of mappings; restore the file")
        return Stages(self.name, tuple(read_stored_spec(stage, owner) for stage in listed))

    def remove(self) -> None:
        """Delete what was written down; the stages' sweeps stay."""
        shutil.rmtree(self.file.parent)
