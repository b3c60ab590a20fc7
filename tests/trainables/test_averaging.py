"""The average of checkpoints: whose tensors are averaged, and what the average is good for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.averaging import write_average
from trainables.errors import CheckpointError
from trainables.identity import difference, identity
from trainables.loop import STATE, read, recipe_of

WRITER = identity("slowfast", "a" * 40, "b" * 40)


def network(value: float, seen: int, width: int = 3) -> dict[str, torch.Tensor]:
    return {
        "weight": torch.full((2, width), value),
        "half": torch.full((2,), value, dtype=torch.float16),
        "running_mean": torch.full((2,), 10 * value),
        "num_batches_tracked": torch.tensor(seen),
    }


def write(folder: Path, training: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    torch.save({"epoch": 7, "identity": WRITER, "training": training}, folder / STATE)
    (folder / "settings.yaml").write_text(f"seed: {folder.name}\n")
    return folder


def averaged(tmp_path: Path, trainings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    target = tmp_path / "average"
    target.mkdir(parents=True)
    write_average([write(tmp_path / str(number), state) for number, state in enumerate(trainings)], target)
    return read(target)


def training(value: float, seen: int) -> dict[str, Any]:
    moments = {"state": {0: {"exp_avg": torch.full((2, 3), value)}}}
    return {"model": network(value, seen), "ema": network(value + 1, seen), "optimizer": moments, "names": ["a", "b"]}


def test_weights_and_their_moving_average_are_averaged_and_all_else_is_the_firsts(tmp_path: Path) -> None:
    saved = averaged(tmp_path, [training(1.0, 11), training(2.0, 22), training(6.0, 33)])
    model = saved["training"]["model"]
    assert (model["weight"] == 3.0).all()
    assert (model["running_mean"] == 30.0).all()
    assert (model["half"].dtype, float(model["half"][0])) == (torch.float16, 3.0)
    assert (saved["training"]["ema"]["weight"] == 4.0).all()
    assert int(model["num_batches_tracked"]) == 11
    assert (saved["training"]["optimizer"]["state"][0]["exp_avg"] == 1.0).all()
    assert (saved["training"]["names"], saved["epoch"]) == (["a", "b"], 7)
    assert (tmp_path / "average" / "settings.yaml").read_text() == "seed: 0\n"


def test_weights_are_found_at_any_depth(tmp_path: Path) -> None:
    nested = [{"sets": {"digits": training(value, 1)}} for value in (1.0, 3.0)]
    assert (averaged(tmp_path, nested)["training"]["sets"]["digits"]["model"]["weight"] == 2.0).all()


def test_the_average_of_equal_weights_is_these(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = {"weight": torch.randn(50, 50)}
    saved = averaged(tmp_path, [{"model": weights}] * 3)
    assert torch.equal(saved["training"]["model"]["weight"], weights["weight"])


def test_checkpoints_of_different_networks_have_none(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="are not of one configuration, so they have no mean"):
        averaged(tmp_path, [{"model": network(1.0, 1)}, {"model": network(1.0, 1, width=4)}])
    with pytest.raises(CheckpointError, match="are not of one configuration"):
        averaged(tmp_path / "more", [{"model": network(1.0, 1)}, {"model": {}}])


def test_it_names_its_recipe_but_no_training_goes_on_from_it(tmp_path: Path) -> None:
    saved = averaged(tmp_path, [training(1.0, 1), training(2.0, 1)])
    assert recipe_of(tmp_path / "average") == "slowfast"
    why = difference(str(saved["identity"]), WRITER)
    assert why == "is an average of trainings, from which none can go on; give a checkpoint of one of them"
