"""Which sweeps start from another one's winner."""

from __future__ import annotations

from collections.abc import Iterator

from search.sweep.folder import STAGES_FILE, SweepFolder, names
from search.sweep.spelling import STAGES
from trainables.errors import SettingsError
from trainables.settings import read_yaml


def followers(folder: SweepFolder) -> Iterator[str]:
    """The sweeps that started from the winner of that in `folder`.

    Raises:
        SettingsError: the description of a sweep is damaged.
    """
    for name in names(folder.root):
        file = SweepFolder(folder.root, name).spec_file
        try:
            starts_from = read_yaml(file).get("starts_from")
        except SettingsError:
            if file.exists():  # else it was deleted meanwhile
                raise
            continue
        if starts_from == folder.name:
            yield name


def next_stage(folder: SweepFolder) -> tuple[str, str] | None:
    """The stages that `folder`'s sweep is one of, and the sweep that starts from its winner; None if none will.

    Raises:
        SettingsError: the description of stages is damaged.
    """
    for file in sorted(folder.root.glob(f"[!.]*/{STAGES_FILE}")):
        for stage in read_yaml(file).get(STAGES) or ():
            if isinstance(stage, dict) and stage.get("starts_from") == folder.name:
                return file.parent.name, str(stage.get("name"))
    return None
