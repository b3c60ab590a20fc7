"""What several seeds of one training bring together: their average, and their ensemble.

    python -m tests.bench.documents.seeds_together RECIPE FOLDER [--seeds 0 1 2] [--beginning random|shared]

`random`: the tiny preset's baseline, each seed from first weights of its own, as far as the preset has random ones.
`shared`: each goes on for 5 epochs, at a third of the rate, from the weights of one more seed's whole training.
Checkpoints stay in FOLDER and are not trained again. The columns: recipe, beginning, seeds, metric, best single seed,
mean of the seeds, average, the average with the batch-norm statistics of an epoch of the training split, ensemble,
held-out examples, seconds of scoring.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

from trainables import checkpoint, loop, registry
from trainables.averaging import write_average
from trainables.identity import identity
from trainables.loop_recipe import LoopedRecipe, settings_digest
from trainables.seeds_together import score_together

EARLIER = 100
"""The seed of the training whose weights the others share."""
SHORTER: dict[str, Any] = {"epochs": 5, "warmup_epochs": 1}


def trained(
    recipe: LoopedRecipe[Any, Any], data: Any, values: dict[str, Any], folder: Path, first: Path | None
) -> tuple[Any, Path]:
    """Settings and last checkpoint of a training with `values`, from the weights of the checkpoint `first` if given."""
    settings, seed = recipe.settings("tiny", values, recipe.baseline), int(values["seed"])
    if first:
        settings = settings.model_copy(update=SHORTER | {"lr": settings.lr / 3})
    target = folder / f"seed-{seed}"
    done = checkpoint.by_epoch(target)
    if settings.epochs not in done:
        newest = done[max(done)] if done else None  # of a run that was ended
        with tempfile.TemporaryDirectory() as workdir:
            training = recipe.training(settings, data, Path(workdir))
            if first:
                training.load_state(loop.read(first)["training"])
            name = identity(recipe.name, settings_digest(settings), data.fingerprint)
            for epoch in loop.epochs(training, seed=seed, identity=name, resume=newest, settings=settings):
                value = epoch.metrics[recipe.metric]
                print(f"{target} epoch {epoch.epoch}: {recipe.metric} {value:.4f}", file=sys.stderr, flush=True)
                checkpoint.write(target, epoch.epoch, epoch.save)
                checkpoint.remove(target / f"epoch-{epoch.epoch - 1:04d}")
    return settings, checkpoint.by_epoch(target)[settings.epochs]


def anew(recipe: LoopedRecipe[Any, Any], data: Any, settings: Any, checkpoints: list[Path]) -> float:
    """The metric of the average with the batch-norm statistics of an epoch of its training split."""
    still = settings.model_copy(update={"lr": 1e-12})  # the rate's bound is above 0
    with tempfile.TemporaryDirectory() as folder:
        write_average(checkpoints, Path(folder))
        state = loop.read(Path(folder))["training"]
        training = recipe.training(still, data, Path(folder))
        training.load_state(state | {"model": state.get("ema", state["model"])})
        for module in training.model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
                module.reset_running_stats()
                module.momentum = None  # the mean over all batches
        with loop.seeded(0, "train", 1):
            training.train_epoch(1)
        after = training.state()
        if "ema" in after:
            after["ema"] = after["model"]
        training.load_state(after)
        with loop.seeded(0, "evaluate", 1):
            return training.evaluate(1)[0][recipe.metric]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=registry.BUILT_IN)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", type=yaml.safe_load, default={}, help="settings on top of the preset, as {lr: 1e-3}")
    parser.add_argument("--beginning", choices=["random", "shared"], default="random")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = registry.find(given.recipe)
    assert isinstance(recipe, LoopedRecipe)
    data = recipe.open(recipe.sample(given.folder / "sample" / recipe.name))
    runs = given.folder / recipe.name
    first = None
    if given.beginning == "shared":
        _, first = trained(recipe, data, given.set | {"seed": EARLIER}, runs / "random", None)
    members = [trained(recipe, data, given.set | {"seed": seed}, runs / given.beginning, first) for seed in given.seeds]
    together = score_together(recipe, members, data)
    values = [together.seeds[0], together.mean, together.average or 0.0, together.ensemble]
    try:
        values.insert(3, anew(recipe, data, members[0][0], [path for _, path in members]))
        cells = [f"{value:.4f}" for value in values]
    except (AttributeError, KeyError, AssertionError) as error:  # Ultralytics' trainer has its own rates
        print(f"statistics not estimated: {error!r}", file=sys.stderr)
        cells = [f"{value:.4f}" for value in values]
        cells.insert(3, "–")
    best, mean, average, statistics, ensemble = cells
    seeds = ", ".join(map(str, given.seeds))
    head = f"| {recipe.name} | {given.beginning} | {seeds} | {together.metric} | {best} | {mean} | {average}"
    print(f"{head} | {statistics} | {ensemble} | {together.examples} | {together.seconds:.0f} |")


if __name__ == "__main__":
    main()
