"""The proof of an export: trained again from its files alone, it must do what its trial did."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search.export.manifest import read_about
from search.storage.dataset_cache import fetch
from search.sweep.environment import python_path
from search.sweep.uri import is_uri
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.recipe import AnyRecipe, Epoch
from trainables.settings import Settings, parse, read_yaml

TOLERANCE = 1e-6
"""Largest relative difference of two losses on one machine's CPU."""
_NEEDED = ("recipe", "settings", "threads", "data", "environment", "curve", "metric", "trial", "sweep")
NAME = re.compile(r"(?<!\S)--?([A-Za-z]\w*)(?!\S)|['\"]?(\w+)['\"]?(?::(?!\S)| ?= ?)|^\s*(?:- )+")
"""What stands before a value in a native file: `--lr 0.1`, `lr: 0.1`, `'lr': 0.1`, `lr = 0.1`, `lr=0.1`, `- 0.1`."""


def prove(folder: Path, epochs: int, data: Path | None = None) -> Iterator[str]:
    """Train the export in `folder` for `epochs` epochs and compare each with its trial's; yields a line an epoch.

    The settings are compared first, by name, then the native files, by line: so a value that was changed by hand is
    named rather than shown as another loss. Call it in a process that has not imported torch: it sets the threads.

    Args:
        folder: an export.
        epochs: how many to train; at most those that the trial did.
        data: the data set; where the sweep had it if not given.

    Raises:
        SteadytuneError: the first difference, or what is missing.
    """
    known = read_about(folder, *_NEEDED)
    recipe = registry.find(known["recipe"])
    settings = parse(recipe.settings_type, read_yaml(folder / "settings.yaml"), str(folder / "settings.yaml"))
    _same_settings(settings, parse(recipe.settings_type, known["settings"], "about.json"), folder / "settings.yaml")
    _same_files(recipe, settings, folder)
    yield "settings and native files are those of the trial"
    os.environ["OMP_NUM_THREADS"] = str(known["threads"])  # sums depend on how they are split
    opened = recipe.open(data or _data(known["data"]))
    _same_data(getattr(opened, "fingerprint", ""), known)
    expected = {row["epoch"]: row for row in known["curve"][:epochs]}
    with TemporaryDirectory() as workdir:
        for epoch in recipe.train(settings, opened, Path(workdir)):
            yield _same_epoch(epoch, expected[epoch.epoch], known["metric"])
            if epoch.epoch == len(expected):
                break
    yield f"proven: {len(expected)} epochs as in trial {known['trial']} of sweep {known['sweep']}"


def _data(place: str) -> Path:
    return fetch(place, math.inf).path if is_uri(place) else Path(place)


def prove_in_new_process(folder: Path, epochs: int) -> None:
    """The same in a process of its own, which prints its lines.

    Raises:
        SteadytuneError: it failed; its sentence has been printed.
    """
    command = [sys.executable, "-m", "search", "prove", str(folder.absolute()), "--epochs", str(epochs)]
    if subprocess.run(command, env=os.environ | {"PYTHONPATH": python_path()}, check=False).returncode:
        raise SteadytuneError(f"{folder}: the export could not be proven; the reason is above")


def _same_settings(found: Settings, expected: Settings, file: Path) -> None:
    ours, theirs = found.model_dump(mode="json"), expected.model_dump(mode="json")
    for name, value in theirs.items():
        if ours[name] != value:
            raise SteadytuneError(f"{file}: {name} is {ours[name]}, but the trial had {value}; export again")


def _same_files(recipe: AnyRecipe, settings: Settings, folder: Path) -> None:
    with TemporaryDirectory() as made:
        for path in recipe.export(settings, Path(made)):
            file = folder / path.relative_to(made)
            if not file.is_file():
                raise SteadytuneError(f"{file}: is missing; export again")
            found = file.read_text(encoding="utf-8", errors="replace").splitlines()
            expected = path.read_text(encoding="utf-8").splitlines()
            for number, (line, other) in enumerate(zip_longest(found, expected), start=1):
                if line != other:
                    said = _changed(line, other, expected[: number - 1])
                    raise SteadytuneError(f"{file}:{number}: {said}; export again")


def _changed(line: str | None, other: str | None, before: Sequence[str]) -> str:
    """What `line` says that the settings make `other`; None for no line. `before` are the lines above both."""
    if line is None or other is None:
        return f"lacks {str(other).strip()!r}" if line is None else f"{line.strip()!r} is not of the settings"
    pairs = zip_longest(_parts(line), _parts(other), fillvalue=("", ""))
    (name, value), (known, expected) = next(pair for pair in pairs if pair[0] != pair[1])
    if line.lstrip().startswith("- "):  # an item of a YAML list, whose name stands above
        name = known = next((found[-1][0] for found in map(_parts, reversed(before)) if found[-1][0]), "")
    if name and name == known:
        return f"{name} is {value}, but the settings make it {expected}"
    return f"says {f'{name} {value}'.strip()!r}, but the settings make {f'{known} {expected}'.strip()!r}"


def _parts(line: str) -> list[tuple[str, str]]:
    """The names in a line of YAML, Python or a command, each with what follows it; what comes before the first has "".

    >>> _parts("--lr 0.1 --stage 2")
    [('', ''), ('lr', '0.1'), ('stage', '2')]
    """
    names = list(NAME.finditer(line))
    starts, ends = [0, *(name.end() for name in names)], [*(name.start() for name in names), len(line)]
    values = [line[start:end].strip(" ,") for start, end in zip(starts, ends, strict=True)]
    bare = [value if set("[{") & set(value) else value.rstrip("]}") for value in values]
    return list(zip(["", *(name[1] or name[2] or "" for name in names)], bare, strict=True))


def _same_data(fingerprint: str, known: dict[str, Any]) -> None:
    recorded = known["environment"].get("data_fingerprint", "")
    if recorded and fingerprint != recorded:
        raise SteadytuneError(
            f"data has the fingerprint {fingerprint[:12]}, but the trial trained on {recorded[:12]}; see --data"
        )


def _same_epoch(epoch: Epoch, expected: dict[str, Any], metric: str) -> str:
    found = {"train": epoch.losses.get("train"), "val": epoch.losses.get("val"), metric: epoch.metrics.get(metric)}
    worst = 0.0
    for name, value in expected.items():
        if name == "epoch" or value is None:
            continue
        ours = found.get(name)
        difference = abs(ours - value) / max(abs(value), TOLERANCE) if ours is not None else float("inf")
        if not difference <= TOLERANCE:
            raise SteadytuneError(
                f"epoch {epoch.epoch}: {name} is {ours}, but the trial had {value}; the settings and files agree, so"
                " the data, the libraries or the machine differ"
            )
        worst = max(worst, difference)
    return f"epoch {epoch.epoch}: as in the trial, largest relative difference {worst:.1g}"
