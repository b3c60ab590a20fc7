"""The verbs that are about recipes rather than about a sweep's results: train, evaluate, check, sample, recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from search.cli import options
from search.cli.options import DEFAULT_ROOT, Json, Root, Sets


def train(
    recipe: str,
    data: Annotated[Path, typer.Option(help="data set")],
    config: Annotated[
        Path | None, typer.Option(help="settings (YAML) on top of the preset, or a complete settings.yaml")
    ] = None,
    preset: Annotated[str, typer.Option(help="recipe's preset")] = "paper",
    training: Annotated[str | None, typer.Option(help="one of the recipe's named trainings")] = None,
    set_: Sets = None,
    out: Annotated[Path, typer.Option(help="folder for checkpoints")] = Path("training"),
    resume: Annotated[Path | None, typer.Option(help="checkpoint to go on from")] = None,
    patience: Annotated[int | None, typer.Option(min=1, help="epochs without a new best that end it")] = None,
) -> None:
    """Run one training, without a sweep."""
    from trainables.settings import read_yaml
    from trainables.standalone import train as run

    values = (read_yaml(config) if config else {}) | options.pairs(set_, "--set")
    for line in run(recipe, data, preset, training, values, out, resume, patience):
        print(line, flush=True)


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint such as epoch-0007", metavar="CHECKPOINT")],
    data: Annotated[Path, typer.Option(help="data set; its held-out split is what counts")],
    recipe: Annotated[str | None, typer.Option(help="recipe, if not the one that wrote it")] = None,
    config: Annotated[Path | None, typer.Option(help="settings (YAML), if not the checkpoint's own")] = None,
    set_: Sets = None,
) -> None:
    """Evaluate a checkpoint on a data set."""
    from trainables.standalone import evaluate as run

    for line in run(checkpoint, data, recipe, config, options.pairs(set_, "--set")):
        print(line, flush=True)


def check(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.yaml")],
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Check everything about a sweep that can be known before training."""
    from search.check import check as run
    from search.check import describe
    from search.sampling.warm_start import recall
    from search.sweep.folder import SweepFolder

    spec = options.read_sweep(file, {})
    made = run(spec, SweepFolder(sweeps, spec.name).store(spec))
    console = options.console()
    for item in [*describe(made), *map(str, recall(made, sweeps))]:
        console.print(item)


def sample(recipe: str, directory: Path) -> None:
    """Write a recipe's small sample data set."""
    from trainables import registry

    written = registry.find(recipe).sample(directory)
    print(f"wrote {written}")


def recipes(
    name: Annotated[str | None, typer.Argument(help="recipe to show in full")] = None, json_: Json = False
) -> None:
    """List the recipes, or show one: settings, ranges, presets, named trainings."""
    from search.views.recipe_page import as_json, listing, page

    if json_:
        print(json.dumps(as_json(name), indent=2))
        return
    console = options.console()
    for item in page(name) if name else listing():
        console.print(item)


VERBS = (train, evaluate, check, sample, recipes)
