"""Proves an export: re-trained from its files alone, it must reproduce its trial epoch by epoch."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search.export.manifest import ABOUT, MEMBERS, read_about
from search.storage.dataset_cache import fetch
from search.sweep.data_identity import manifest_of
from search.sweep.environment import python_path
from search.sweep.uri import is_uri
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.manifest import FORMAT
from trainables.recipe import AnyRecipe, Epoch
from trainables.settings import Settings, earlier_values, parse_stored, read_yaml

TOLERANCE = 1e-6
"""Largest relative difference that is accepted; on the CPU of the same machine there is none."""
_REQUIRED = ("recipe", "settings", "threads", "data", "environment", "curve", "metric", "trial", "sweep")
_NAME = re.compile(r"(?<!\S)--?([A-Za-z]\w*)(?!\S)|['\"]?(\w+)['\"]?(?::(?!\S)| ?= ?)|^\s*(?:- )+")
"""What precedes a value in a native file: `--lr 0.1`, `lr: 0.1`, `'lr': 0.1`, `lr = 0.1`, `lr=0.1`, `- 0.1`."""


def prove(folder: Path, epochs: int, data: Path | None = None) -> Iterator[str]:
    """Train the export in `folder` for `epochs` epochs and compare each with its trial's; yields one line per epoch.

    The settings are compared first, by name, then the native files, by line, so that a value that was changed by hand
    is named rather than seen as a different loss. Call it in a process that has not imported torch: it sets the number
    of threads, which torch reads once.

    Args:
        folder: an export.
        epochs: how many to train; at most as many as the trial has.
        data: the data set; the sweep's own if None.

    Raises:
        SteadytuneError: at the first difference, or if something is missing.
    """
    members = read_about(folder).get(MEMBERS)
    if members is not None:
        for name in members:
            yield f"member {name}:"
            yield from prove(folder / MEMBERS / name, epochs, data)
        return
    about = read_about(folder, *_REQUIRED)
    if "average_of" in about:
        yield f"an average of {len(about['average_of'])} trainings: proven is the one whose settings these are"
    recipe = registry.find(about["recipe"], about.get("declaration"))
    file, model = folder / "settings.yaml", recipe.settings_type
    stored = read_yaml(file)
    settings = parse_stored(model, stored, str(file))
    _same_settings(settings, parse_stored(model, about["settings"], "about.json"), file)
    if newer := sorted(earlier_values(model).keys() - stored.keys()):
        yield f"settings are those of the trial; native files not compared: they are older than {', '.join(newer)}"
    else:
        _same_files(recipe, settings, folder)
        yield "settings and native files are those of the trial"
    os.environ["OMP_NUM_THREADS"] = str(about["threads"])  # the order of a sum, and so its rounding, depends on them
    path = data or _local(about["data"])
    dataset = recipe.open(path)
    yield from _same_data(manifest_of(about["data"], path, dataset).fingerprint, about)
    expected = about["curve"][:epochs]
    trial = f"trial {about['trial']} of sweep {about['sweep']}"
    if not expected:
        raise SteadytuneError(f"{folder / ABOUT}: {trial} finished no epoch, so there is nothing to compare with")
    with TemporaryDirectory() as workdir:
        trained = islice(recipe.train(settings, dataset, Path(workdir)), len(expected))
        for epoch, row in zip_longest(trained, expected):
            if epoch is None:
                raise SteadytuneError(f"the training ended by itself before epoch {row['epoch']}, but {trial} had it")
            yield _same_epoch(epoch, row, about["metric"])
    yield f"proven: {len(expected)} epochs as in {trial}"


def _local(data: str) -> Path:
    return fetch(data, math.inf).path if is_uri(data) else Path(data)


def prove_in_new_process(folder: Path, epochs: int) -> None:
    """`prove` in a new process, which prints its lines.

    Raises:
        SteadytuneError: the proof failed; the process has printed why.
    """
    command = [sys.executable, "-m", "search", "prove", str(folder.absolute()), "--epochs", str(epochs)]
    if subprocess.run(command, env=os.environ | {"PYTHONPATH": python_path()}, check=False).returncode:
        raise SteadytuneError(f"{folder}: the export could not be proven; the reason is above")


def _same_settings(exported: Settings, trained: Settings, file: Path) -> None:
    values = exported.model_dump(mode="json")
    for name, value in trained.model_dump(mode="json").items():
        if values[name] != value:
            raise SteadytuneError(f"{file}: {name} is {values[name]}, but the trial had {value}; export again")


def _same_files(recipe: AnyRecipe, settings: Settings, folder: Path) -> None:
    with TemporaryDirectory() as temporary:
        for path in recipe.export(settings, Path(temporary)):
            file = folder / path.relative_to(temporary)
            if not file.is_file():
                raise SteadytuneError(f"{file}: is missing; export again")
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            expected = path.read_text(encoding="utf-8").splitlines()
            for number, (line, other) in enumerate(zip_longest(lines, expected), start=1):
                if line != other:
                    difference = _difference(line, other, expected[: number - 1])
                    raise SteadytuneError(f"{file}:{number}: {difference}; export again")


def _difference(line: str | None, other: str | None, before: Sequence[str]) -> str:
    """How `line` differs from `other`, which the settings give; None for no line. `before` are the lines above."""
    if line is None or other is None:
        return f"lacks {str(other).strip()!r}" if line is None else f"{line.strip()!r} is not of the settings"
    pairs = zip_longest(_parts(line), _parts(other), fillvalue=("", ""))
    (name, value), (expected_name, expected) = next(pair for pair in pairs if pair[0] != pair[1])
    if line.lstrip().startswith("- "):  # an item of a YAML list: its name is on a line above
        names = (_parts(above)[-1][0] for above in reversed(before))
        name = expected_name = next((parent for parent in names if parent), "")
    if name and name == expected_name:
        return f"{name} is {value}, but the settings make it {expected}"
    return f"says {f'{name} {value}'.strip()!r}, but the settings make {f'{expected_name} {expected}'.strip()!r}"


def _parts(line: str) -> list[tuple[str, str]]:
    """The names in a line of YAML, Python or a command, each with its value; the text before the first is named "".

    >>> _parts("--lr 0.1 --stage 2")
    [('', ''), ('lr', '0.1'), ('stage', '2')]
    """
    names = list(_NAME.finditer(line))
    starts, ends = [0, *(name.end() for name in names)], [*(name.start() for name in names), len(line)]
    values = [line[start:end].strip(" ,") for start, end in zip(starts, ends, strict=True)]
    bare = [value if set("[{") & set(value) else value.rstrip("]}") for value in values]
    return list(zip(["", *(name[1] or name[2] or "" for name in names)], bare, strict=True))


def _same_data(fingerprint: str, about: dict[str, Any]) -> Iterator[str]:
    recorded = about["environment"].get("data_fingerprint", "")
    if recorded and not recorded.startswith(FORMAT):
        yield "data not compared: the export is of an earlier version, whose fingerprint did not cover their content"
    elif recorded and fingerprint != recorded:
        now, before = (text.removeprefix(FORMAT)[:12] for text in (fingerprint, recorded))
        raise SteadytuneError(f"data has the fingerprint {now}, but the trial trained on {before}; see --data")


def _same_epoch(epoch: Epoch, expected: dict[str, Any], metric: str) -> str:
    values = {"train": epoch.losses.get("train"), "val": epoch.losses.get("val"), metric: epoch.metrics.get(metric)}
    worst = 0.0
    for name, value in expected.items():
        if name == "epoch" or value is None:
            continue
        reproduced = values.get(name)
        difference = abs(reproduced - value) / max(abs(value), TOLERANCE) if reproduced is not None else float("inf")
        if not difference <= TOLERANCE:  # NaN differs too
            raise SteadytuneError(
                f"epoch {epoch.epoch}: {name} is {reproduced}, but the trial had {value}; the settings and files "
                "agree, so the data, the libraries or the machine differ"
            )
        worst = max(worst, difference)
    return f"epoch {epoch.epoch}: as in the trial, largest relative difference {worst:.1g}"
