"""The best model of a training: which it is, what a resume takes over, and when its file is written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from trainables.ultralytics_import import isolated

with isolated():
    from trainables.ultralytics.best import BEST, BestModel, EvaluatedModel
    from trainables.ultralytics.state import write_pt

FITNESS = [0.1, 0.3, 0.2]


class Trainer(SimpleNamespace):
    """What is looked at of Ultralytics' trainer; the only weight is the number of the epoch."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ema=SimpleNamespace(ema=nn.Linear(1, 1)), args=SimpleNamespace(), csv=folder / "results.csv")
        self.best_fitness, self.metrics, self.epoch = -1.0, {"metrics/mAP50(B)": 0.5}, -1
        self.csv.write_text("epoch\n")

    def train(self, fitness: float) -> None:
        self.epoch += 1
        self.fitness, self.best_fitness = fitness, max(self.best_fitness, fitness)
        nn.init.constant_(self.ema.ema.weight, self.epoch + 1)
        with self.csv.open("a") as file:
            file.write(f"{self.epoch + 1}\n")


@pytest.fixture
def trainer(tmp_path: Path) -> Trainer:
    return Trainer(tmp_path)


def trained(trainer: Trainer, folder: Path, best: BestModel | None = None, after: int = 0) -> BestModel:
    best = best or BestModel(folder)
    for fitness in FITNESS[after:]:
        trainer.train(fitness)
        best.look(trainer)
    return best


def written(folder: Path) -> tuple[float, dict[str, Any]]:
    """The weight in the file, and the metrics."""
    content = torch.load(folder / BEST, weights_only=False)
    return content["model"].weight.item(), content["train_metrics"]


def test_the_best_epochs_model_is_written_when_the_training_is_closed(trainer: Trainer, tmp_path: Path) -> None:
    best = trained(trainer, tmp_path)
    assert not (tmp_path / BEST).exists()
    best.write(trainer)
    assert written(tmp_path) == (2.0, {"metrics/mAP50(B)": 0.5, "fitness": 0.3})
    assert trainer.ema.ema.weight.item() == 3.0


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_resumed_training_knows_the_best_of_both(after: int, trainer: Trainer, tmp_path: Path) -> None:
    first = BestModel(tmp_path)
    for fitness in FITNESS[:after]:
        trainer.train(fitness)
        first.look(trainer)
    state, evaluated = first.state(trainer), EvaluatedModel.of(trainer).copied()
    assert (state is None) == (after < 3)  # the third epoch is not the best
    resumed = BestModel(tmp_path)
    resumed.load(state, evaluated)
    trained(trainer, tmp_path, resumed, after).write(trainer)
    assert written(tmp_path)[0] == 2.0


def test_a_training_that_went_on_elsewhere_is_not_overwritten_by_the_paused_one(
    trainer: Trainer, tmp_path: Path
) -> None:
    paused = trained(trainer, tmp_path)
    with trainer.csv.open("a") as file:
        file.write("4\n")
    paused.write(trainer)
    assert not (tmp_path / BEST).exists()


def test_a_file_that_cannot_be_written_is_said_and_ends_nothing(
    trainer: Trainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").write_text("no folder")
    trained(trainer, tmp_path).write(trainer)
    assert "best.pt: not written" in capsys.readouterr().err


def test_writing_other_weights_leaves_the_model_as_it_is(tmp_path: Path) -> None:
    model = nn.Linear(1, 1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    write_pt(tmp_path / "w.pt", model, {}, {}, "", {name: value + 1 for name, value in before.items()})
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
