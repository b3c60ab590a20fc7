"""A pickle bomb in a checkpoint or a file of weights goes off nowhere, whatever reads it, in any recipe."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from search.tracking.predictor import load
from search.training.run import TrainingRequest, train
from trainables import checkpoint, registry
from trainables import standalone as single
from trainables.errors import CheckpointError

pytestmark = pytest.mark.e2e


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return exec, (f"import os; os.mkdir({str(self.folder)!r})",)


@dataclass
class Trap:
    """A data set of a recipe, and a sound-looking checkpoint with a bomb in it."""

    recipe: str
    data: Path
    values: dict[str, Any]
    folder: Path
    bang: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "epoch-0001"

    def arm(self, path: Path, content: Callable[[Bomb], Any]) -> Path:
        """Save `content` with a bomb in it; it has been seen to work."""
        torch.save(content(Bomb(self.bang)), path)
        torch.load(path, weights_only=False)
        self.bang.rmdir()
        return path


@pytest.fixture(scope="module", params=["resnet_yolo", "yolox", "rgbt", "refdet", "slowfast"])
def trap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trap:
    folder = tmp_path_factory.mktemp("trap")
    recipe = registry.find(request.param)
    data = recipe.sample(folder / "data")
    values = {"weights": "none"} | ({"reference_weights": "none"} if request.param == "refdet" else {})
    trap = Trap(request.param, data, values, folder, folder / "went off")
    settings = recipe.settings("tiny", values)

    def save(directory: Path) -> None:
        identity = f"{recipe.name} (settings 0, data 0)"
        trap.arm(directory / "state.pt", lambda bomb: {"epoch": 1, "identity": identity, "training": bomb})
        (directory / "settings.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))

    checkpoint.write(folder / "checkpoints", 1, save)
    return trap


def refused(lines: Callable[[], Iterable[Any]], trap: Trap, words: str = "is damaged or no checkpoint") -> None:
    with pytest.raises(CheckpointError, match=words):
        list(lines())
    assert not trap.bang.exists()


def trained(
    trap: Trap, out: Path, resume: Path | None = None, values: Mapping[str, Any] | None = None
) -> Iterable[str]:
    given = {**trap.values, **(values or {})}
    return train(TrainingRequest(trap.recipe, trap.data, out, preset="tiny", values=given, resume=resume))


def test_in_a_checkpoint(trap: Trap, tmp_path: Path) -> None:
    refused(lambda: trained(trap, tmp_path, trap.checkpoint), trap)
    refused(lambda: single.evaluate(trap.checkpoint, trap.data, None, None, {}), trap)
    refused(lambda: single.evaluate(trap.checkpoint, trap.data, trap.recipe, None, {}), trap)


def test_in_an_exported_model(trap: Trap, tmp_path: Path) -> None:
    settings = registry.find(trap.recipe).settings("tiny", trap.values)
    (tmp_path / "about.json").write_text(json.dumps({"recipe": trap.recipe}))
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    os.symlink(trap.checkpoint, tmp_path / "checkpoint")
    refused(lambda: [load(tmp_path)], trap)


def test_in_a_trial_of_a_sweep_that_is_resumed(trap: Trap) -> None:
    from search.execution.resources import TrialResources
    from search.execution.trainable import RecipeTrainable

    (trap.folder / "0000").mkdir(exist_ok=True)
    os.symlink(trap.folder / "checkpoints", trap.folder / "0000" / "checkpoints")
    settings = registry.find(trap.recipe).settings("tiny", trap.values)
    worker = RecipeTrainable(
        {
            "recipe": trap.recipe,
            "declaration": None,
            "data": str(trap.data),
            "data_began": "",
            "data_earlier": [],
            "folder": str(trap.folder),
            "checkpoint_every": 1,
            "checkpoint_at": [],
            "hang_seconds": 200.0,
            "storage": None,
            "trial": 0,
            "settings": settings.model_dump(mode="json"),
            "epochs": 1,
            "resources": TrialResources(cpus=1.0, gpus=0.0, memory_gb=0.0),
        }
    )
    failure = worker.step()["failed"]
    assert "state.pt: is damaged or no checkpoint" in failure
    assert not trap.bang.exists()


WEIGHTS: dict[str, Callable[[Bomb], Any]] = {
    "alone": lambda bomb: bomb,
    "as the model": lambda bomb: {"model": bomb, "ema": bomb, "model_state": bomb},
    "beside weights": lambda bomb: {"model.0.conv.weight": torch.zeros(4, 3, 3, 3), "date": bomb},
}


@pytest.mark.parametrize("how", WEIGHTS)
def test_in_a_file_of_first_weights(trap: Trap, tmp_path: Path, how: str) -> None:
    for name in trap.values:
        file = trap.arm(tmp_path / f"{name}.pt", WEIGHTS[how])
        refused(partial(trained, trap, tmp_path / "out", values={name: str(file)}), trap, f"{name}.pt")
