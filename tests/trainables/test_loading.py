"""Batches: torch's own without processes; with them the same from any epoch on, for any number of processes."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from trainables import registry
from trainables.loading import SMALL, Batches, Timed, data_share, shuffled, waiting
from trainables.loop import seeded

CPU = torch.device("cpu")


class Drawn(Dataset[Tensor]):
    """Examples that draw from all three generators, and name the process that made them."""

    factor = 1.0

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Tensor:
        drawn = random.random(), float(np.random.rand()), float(torch.rand(1))
        return torch.tensor([os.getpid(), index, *(self.factor * value for value in drawn)], dtype=torch.float64)


def batches(workers: int, images: Drawn | None = None) -> Batches[Tensor]:
    images = images or Drawn()
    return Batches(images, 3, workers=workers, device=CPU, order=shuffled(images))


def epoch(loader: Any, number: int) -> tuple[Tensor, float]:
    """What the epoch's batches hold, without the processes' numbers, and what the training draws after them."""
    with seeded(7, "train", number):
        return torch.cat(list(loader))[:, 1:], float(torch.rand(1))


def processes(loader: Batches[Tensor]) -> set[int]:
    return set(torch.cat(list(loader))[:, 0].long().tolist())


@pytest.fixture
def two_processes() -> Iterator[Batches[Tensor]]:
    loader = batches(workers=2)
    yield loader
    loader.restart()


@pytest.mark.parametrize("weighted", [False, True])
def test_without_processes_they_are_those_of_torchs_loader(weighted: bool) -> None:
    images = Drawn()
    order = WeightedRandomSampler(list(range(1, 11)), 10) if weighted else shuffled(images)
    theirs = DataLoader(images, 3, sampler=order) if weighted else DataLoader(images, 3, shuffle=True)
    ours = Batches[Tensor](images, 3, workers=0, device=CPU, order=order)
    assert len(ours) == len(theirs) == 4
    for number in (1, 2):
        (batch, drawn), (expected, expected_drawn) = epoch(ours, number), epoch(theirs, number)
        assert torch.equal(batch, expected)
        assert drawn == expected_drawn


def test_with_processes_an_epoch_is_the_same_in_a_training_that_begins_with_it(two_processes: Batches[Tensor]) -> None:
    first, second = epoch(two_processes, 1), epoch(two_processes, 2)
    assert not torch.equal(first[0], second[0])
    fresh = batches(workers=2)
    again = epoch(fresh, 2)
    fresh.restart()
    assert torch.equal(again[0], second[0])
    assert again[1] == second[1]


def test_the_number_of_processes_changes_no_batch(two_processes: Batches[Tensor]) -> None:
    alone = batches(workers=1)
    assert torch.equal(epoch(alone, 1)[0], epoch(two_processes, 1)[0])
    alone.restart()


def test_each_batch_has_random_numbers_of_its_own(two_processes: Batches[Tensor]) -> None:
    drawn = epoch(two_processes, 1)[0][:, 1:]
    assert len(set(drawn.flatten().tolist())) == drawn.numel()


class Objects(NamedTuple):
    boxes: Tensor
    classes: Tensor


def nested(examples: list[Tensor]) -> dict[str, Any]:
    """Large and small, scalars, no objects, a view, and a type that NumPy lacks."""
    pixels = torch.arange(4 * SMALL, dtype=torch.uint8).reshape(4, SMALL)
    objects = [Objects(pixels[:2, :4].float(), torch.tensor([3, 1])), Objects(torch.zeros(0, 4), torch.zeros(0).long())]
    return {
        "pixels": pixels,
        "objects": objects,
        "names": ("a.jpg", "b.jpg"),
        "scale": (torch.tensor(0.5), torch.ones(2, dtype=torch.bfloat16)),
        "column": pixels[:, 0],
    }


def test_a_batch_arrives_as_it_was_made_whatever_is_in_it() -> None:
    images = Drawn()
    loader: Batches[Any] = Batches(images, 10, workers=1, device=CPU, collate=nested)
    (arrived,), sent = list(loader), nested([])
    loader.restart()
    leaves, structure = tree_flatten(arrived)
    expected, same_structure = tree_flatten(sent)
    assert structure == same_structure
    for leaf, other in zip(leaves, expected, strict=True):
        assert type(leaf) is type(other)
        if isinstance(other, Tensor):
            assert leaf.dtype == other.dtype
            assert torch.equal(leaf, other)
        else:
            assert leaf == other
    arrived["objects"][0].boxes.add_(1)  # augmented on the device, say: it is the receiver's


def test_small_tensors_take_no_file_descriptors() -> None:
    """Each tensor that is sent as such is opened by the receiver; with many objects that is most of the waiting."""
    images = Drawn()
    loader: Batches[Any] = Batches(images, 10, workers=1, device=CPU, collate=nested)
    (arrived,) = list(loader)
    loader.restart()
    tensors = [leaf for leaf in tree_flatten(arrived)[0] if isinstance(leaf, Tensor)]
    shared = [leaf.untyped_storage().is_shared() for leaf in tensors]
    assert shared == [True, False, False, False, False, False, True, False]


def test_an_epoch_that_was_left_early_leaves_nothing_to_the_next(two_processes: Batches[Tensor]) -> None:
    with seeded(7, "train", 1):
        next(iter(two_processes))
    assert torch.equal(epoch(two_processes, 2)[0], epoch(two_processes, 2)[0])


def test_the_processes_outlive_an_epoch_until_they_are_ended() -> None:
    loader = batches(workers=2)
    first = processes(loader)
    assert len(first) == 2
    assert os.getpid() not in first
    assert processes(loader) == first
    loader.restart()
    assert not any(Path(f"/proc/{process}").exists() for process in first)
    second = processes(loader)
    assert not second & first
    loader.restart()


def test_processes_see_a_changed_data_set_once_they_are_started_anew() -> None:
    images = Drawn()
    loader = batches(2, images)
    usual = epoch(loader, 1)[0]
    images.factor = 0.0
    assert torch.equal(epoch(loader, 1)[0], usual)
    loader.restart()
    assert not epoch(loader, 1)[0][:, 1:].any()
    loader.restart()


def test_waiting_for_batches_is_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("trainables.loading.time.perf_counter", lambda: now[0])

    def batches() -> Iterator[str]:
        for batch in ("a", "b"):
            now[0] += 1.0
            yield batch

    timed = Timed(batches())
    for _ in timed:
        now[0] += 10.0
    assert timed.seconds() == {"data": 2.0, "train": 20.0}


def test_the_share_of_data_is_that_of_the_training_without_the_evaluation() -> None:
    assert data_share({"data": 1.0, "train": 3.0, "evaluate": 100.0}) == 0.25
    assert data_share({"epoch": 1.0}) is None
    assert data_share({"data": 0.0, "train": 0.0}) is None


@pytest.mark.parametrize(
    ("device", "data", "remark"),
    [
        ("cuda", 43.0, "the GPU waited for data in 43% of epoch 3's training; more workers prepare batches sooner"),
        ("cuda", 20.0, ""),
        ("cpu", 43.0, ""),
    ],
)
def test_a_gpu_that_waits_for_data_is_told_of(device: str, data: float, remark: str) -> None:
    assert waiting(torch.device(device), 3, {"data": data, "train": 100 - data}) == remark


CLOSING: dict[str, dict[str, Any]] = {
    "yolox": {"no_aug_epochs": 1, "mosaic_prob": 1.0, "freeze": "none"},
    "rgbt": {"close_mosaic": 1, "mosaic": 1.0},
}


@pytest.mark.e2e
@pytest.mark.parametrize("name", CLOSING)
def test_a_resume_with_processes_is_exact_and_mosaic_ends_in_them_too(name: str, tmp_path: Path) -> None:
    recipe = registry.find(name)
    data = recipe.open(recipe.sample(tmp_path / "sample"))
    settings = recipe.settings("tiny", CLOSING[name] | {"epochs": 2, "workers": 2})
    epochs = recipe.train(settings, data, tmp_path)
    next(epochs).save(tmp_path)
    (uninterrupted,) = epochs
    (resumed,) = recipe.train(settings, data, tmp_path, tmp_path)
    assert resumed.losses == uninterrupted.losses
    assert resumed.metrics == uninterrupted.metrics


@pytest.mark.e2e
@pytest.mark.parametrize("workers", [0, 2])
def test_three_epochs_and_three_resumed_are_six(workers: int, small: Any, few_digits: Any, tmp_path: Path) -> None:
    settings = small(epochs=6, workers=workers, mosaic=0.5, flip=0.5, hsv=0.5, dropout=0.2)
    recipe = registry.find("resnet_yolo")
    epochs = recipe.train(settings, few_digits, tmp_path)
    list(islice(epochs, 3))[-1].save(tmp_path)
    uninterrupted = [done.losses for done in epochs]
    assert [done.losses for done in recipe.train(settings, few_digits, tmp_path, tmp_path)] == uninterrupted
