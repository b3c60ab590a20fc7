"""A checkpoint on its own: what it scores on data, without its training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables import checkpoint, registry
from trainables.loop_recipe import matched
from trainables.settings import parse_stored, read_yaml


def evaluate(
    directory: Path, data: Path, name: str | None, config: Path | None, values: Mapping[str, Any]
) -> Iterator[str]:
    """Evaluate a checkpoint on the held-out split of `data`, yielding one line per metric.

    Classes are matched by their names; one that only checkpoint or data have is named in a line of its own.

    Args:
        directory: checkpoint such as epoch-0007.
        data: of the recipe's kind.
        name: recipe; the one that wrote the checkpoint if None.
        config: complete settings; those beside the checkpoint's weights if None.
        values: on top of them.

    Raises:
        SteadytuneError: checkpoint, settings or data are wrong.
    """
    from trainables.loop import SETTINGS, recipe_of

    checkpoint.check(directory)
    recipe = registry.find_installed(name or recipe_of(directory))
    file = config or directory / SETTINGS
    settings = parse_stored(recipe.settings_type, {**read_yaml(file), **values}, str(file))
    with tempfile.TemporaryDirectory() as workdir:
        opened = recipe.open(data)
        if classes := matched(opened, directory):
            yield from classes.notes()
        metrics = recipe.evaluate(settings, opened, Path(workdir), directory)
        for metric, value in metrics.items():
            yield f"{metric} {value:.4f}"
