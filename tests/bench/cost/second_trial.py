"""How soon a reused worker's next trial trains: `python -m tests.bench.cost.second_trial [RECIPE …] [--trials 4]`.

For each recipe one worker's `RecipeTrainable`, as Ray drives it, is given one trial after the other on the recipe's
sample data: the tiny preset, then draws from its space. Seconds are from the assignment to the moment before the
optimizer's first step, so the first batch, forward and backward are in them. The first trial pays for the imports.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from search.execution.trainable import FAILED, RecipeTrainable
from spaces import registry as spaces
from spaces.space import drawn
from trainables import registry

RECIPES = ("resnet_yolo", "rgbt", "yolox", "refdet", "slowfast")


class Chance:
    """Answers a space by chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return self._random.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._random.randint(low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)


def assignment(name: str, trial: int, data: Path, folder: Path) -> dict[str, Any]:
    """What the driver sends to a worker."""
    recipe = registry.find(name)
    values = drawn(spaces.find(recipe), Chance(trial), {}) if trial else {}
    settings = recipe.settings("tiny", values | {"epochs": 2, "seed": trial}).model_dump(mode="json")
    places = {"recipe": name, "data": str(data), "folder": str(folder), "hang_seconds": 3600.0, "storage": None}
    return places | {"checkpoint_every": 1, "checkpoint_at": [], "trial": trial, "epochs": 0, "settings": settings}


def starts(name: str, trials: int, folder: Path) -> list[tuple[float, float]]:
    """Wall and processor seconds from assignment to first step, of each trial in its turn."""
    data = registry.find(name).sample(folder / "sample")
    startup: list[tuple[float, float]] = []
    steps: list[tuple[float, float]] = []
    hook = register_optimizer_step_pre_hook(lambda *_: steps.append((time.perf_counter(), time.process_time())))
    worker: RecipeTrainable | None = None
    for trial in range(trials):
        steps.clear()
        config = assignment(name, trial, data, folder)
        began = time.perf_counter(), time.process_time()
        if worker is None:
            worker = RecipeTrainable(config)
        else:
            worker.reset_config(config)
        told = worker.step()
        assert FAILED not in told, told[FAILED]
        startup.append((steps[0][0] - began[0], steps[0][1] - began[1]))
    hook.remove()
    return startup


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", nargs="*", default=RECIPES)
    parser.add_argument("--trials", type=int, default=4)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| recipe | first trial, s | next ones, s | next ones, CPU s |\n| --- | --- | --- | --- |")
    for name in given.recipe:
        with tempfile.TemporaryDirectory() as folder:
            first, *others = starts(name, given.trials, Path(folder))
        wall, cpu = (", ".join(f"{other[part]:.2f}" for other in others) for part in (0, 1))
        print(f"| {name} | {first[0]:.1f} | {wall} | {cpu} |", flush=True)


if __name__ == "__main__":
    main()
