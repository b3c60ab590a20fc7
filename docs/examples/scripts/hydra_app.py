"""A Hydra app that knows nothing of steadytune: a line through points, by gradient descent with momentum."""

import csv
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig


@dataclass
class Optimizer:
    """Its settings."""

    lr: float = 0.01
    momentum: float = 0.0


@dataclass
class Config:
    """Those of a training; `resume` is a checkpoint to go on from."""

    optimizer: Optimizer = field(default_factory=Optimizer)
    epochs: int = 10
    seed: int = 0
    resume: str = ""


ConfigStore.instance().store(name="config", node=Config)


@hydra.main(version_base=None, config_name="config")  # type: ignore[untyped-decorator]
def main(config: Config) -> None:
    """Train, and write a row and a checkpoint an epoch into Hydra's folder of the run."""
    out = Path(HydraConfig.get().runtime.output_dir)
    points = [(x / 20, 3 * x / 20 - 1 + random.Random(x).gauss(0, 0.1)) for x in range(40)]
    state: dict[str, Any] = {"epoch": 0, "slope": 0.0, "shift": 0.0, "moving": [0.0, 0.0]}
    if config.resume:
        state = json.loads(Path(config.resume).read_text())
    with (out / "results.csv").open("a", newline="") as file:
        table = csv.writer(file)
        if not file.tell():
            table.writerow(["epoch", "train_loss", "error"])
        for epoch in range(state["epoch"] + 1, config.epochs + 1):
            order = random.Random(1000 * config.seed + epoch).sample(points, len(points))
            for x, y in order:
                miss = state["slope"] * x + state["shift"] - y
                for index, (name, step) in enumerate((("slope", miss * x), ("shift", miss))):
                    moving = config.optimizer.momentum * state["moving"][index] - config.optimizer.lr * step
                    state["moving"][index] = moving
                    state[name] += moving
            error = sum(abs(state["slope"] * x + state["shift"] - y) for x, y in points) / len(points)
            state["epoch"] = epoch
            partial = out / "last.tmp"
            partial.write_text(json.dumps(state))
            partial.rename(out / "last.json")
            table.writerow([epoch, error**2, error])
            file.flush()


if __name__ == "__main__":
    main()
