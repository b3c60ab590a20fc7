"""The proof of an export: trained again from its files alone, it must do what its trial did."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search.exported import read_about
from search.process import python_path
from search.storage.dataset_cache import fetch
from search.storage.place import is_uri
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.recipe import Epoch, Recipe
from trainables.settings import Settings, parse, read_yaml

TOLERANCE = 1e-6
"""Largest relative difference of two losses on one machine's CPU."""
LONG = 100
"""Characters of a native file's line beyond which only what differs is shown: a command line is one line."""


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
    known = read_about(folder)
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


def prove_afresh(folder: Path, epochs: int) -> None:
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


def _same_files(recipe: Recipe, settings: Settings, folder: Path) -> None:
    with TemporaryDirectory() as made:
        for path in recipe.export(settings, Path(made)):
            file = folder / path.relative_to(made)
            lines = path.read_text(encoding="utf-8").splitlines()
            found = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
            for number, (line, other) in enumerate(zip(lines, [*found, *[""] * len(lines)], strict=False), start=1):
                if line != other:
                    said, made_of = _where(other.strip(), line.strip()), _where(line.strip(), other.strip())
                    raise SteadytuneError(
                        f"{file}:{number}: says {said!r}, but the settings make {made_of!r}; export again"
                    )


def _where(line: str, other: str) -> str:
    """`line`; of a long one only the first word that `other` has not in its place, and the one before it."""
    if max(len(line), len(other)) <= LONG:
        return line
    words, others = line.split(), other.split()
    pairs = enumerate(zip(words, others, strict=False))
    first = next((at for at, (word, same) in pairs if word != same), min(len(words), len(others)))
    return " ".join(words[max(0, first - 1) : first + 1])


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
