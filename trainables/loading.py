"""The one way in which the recipes' batches come from their data sets, by processes that prepare the next ones.

Without processes this is torch's `DataLoader` as it is. With them:

- They outlive an epoch, and a batch has random numbers of its own, by (seed, epoch, number of the batch). So a resumed
  training gets the batches that it would have got, and how many processes there are changes none.
- For a GPU batches are put into pinned memory, from which `tensor.to(device, non_blocking=True)` copies while the GPU
  computes.
- Their small tensors, the objects of a picture say, are sent as what they hold. A tensor that is sent as such takes a
  file descriptor, and a batch of a detector has two tensors for each picture.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    WeightedRandomSampler,
    default_collate,
)

BatchT = TypeVar("BatchT")
AHEAD = 4
"""Batches that each process prepares ahead; torch's default of 2 empties when one of them takes long. Not measured on
a GPU."""
SMALL = 32_768
"""Bytes up to which a tensor's content is sent rather than where it is in shared memory."""

WAITS = 0.2
"""Share of its training that a GPU may wait for data before a remark says so. Chosen, not measured."""


class Batches(Generic[BatchT]):
    """The batches of a data set, anew in each iteration.

    Args:
        dataset: examples by index; its random numbers are Python's, NumPy's and torch's.
        size: examples in a batch; the last may have fewer.
        workers: processes that prepare batches; 0: none.
        device: that the batches go to.
        order: of the examples; that of the data set if None.
        collate: makes a batch of examples; torch's own if None.
    """

    def __init__(
        self,
        dataset: Any,
        size: int,
        *,
        workers: int,
        device: torch.device,
        order: RandomSampler | WeightedRandomSampler | None = None,
        collate: Callable[[list[Any]], BatchT] | None = None,
    ) -> None:
        self.dataset = dataset
        self._order = order
        self._batches = BatchSampler(SequentialSampler(dataset) if order is None else order, size, drop_last=False)
        self._workers = workers
        self._collate: Callable[[list[Any]], Any] = default_collate if collate is None else collate
        self._pinned = device.type == "cuda"
        self._loader: DataLoader[Any] | None = None
        self._seeds = _SeededBatches(self._batches)

    def __len__(self) -> int:
        """How many batches an iteration has."""
        return len(self._batches)

    def __iter__(self) -> Iterator[BatchT]:
        """One pass over the data set."""
        if not self._workers:
            yield from DataLoader(
                self.dataset, batch_sampler=self._batches, collate_fn=self._collate, pin_memory=self._pinned
            )
            return
        # One number of the epoch's generator, and the same one whether the processes are there already or not.
        self._seeds.first = int(torch.randint(2**31, ()))
        if self._order is not None:
            self._order.generator = torch.Generator().manual_seed(self._seeds.first)
        if self._loader is None:
            self._loader = DataLoader(
                _SeededExamples(self.dataset),
                batch_sampler=self._seeds,
                num_workers=self._workers,
                persistent_workers=True,
                prefetch_factor=AHEAD,
                generator=torch.Generator(),  # what it draws by itself is not used
                collate_fn=_Sent(self._collate),
                pin_memory=self._pinned,
            )
        for batch in self._loader:
            yield _mapped(batch, _received)

    def restart(self) -> None:
        """End the processes; the next iteration starts others, which see the data set as it is then."""
        self._loader = None


class Timed(Generic[BatchT]):
    """The batches of one epoch's training; measures how long the training waits for them.

    Args:
        batches: iterated over once, from now on.
    """

    def __init__(self, batches: Iterable[BatchT]) -> None:
        self._batches = batches
        self._waited = 0.0
        self._began = time.perf_counter()

    def __iter__(self) -> Iterator[BatchT]:
        asked_at = self._began
        for batch in self._batches:
            self._waited += time.perf_counter() - asked_at
            yield batch
            asked_at = time.perf_counter()

    def seconds(self) -> dict[str, float]:
        """The training so far as `Epoch.seconds` has it: "data", in which it waited, and "train", the rest."""
        return {"data": self._waited, "train": time.perf_counter() - self._began - self._waited}


class _SeededBatches(Sampler[Any]):
    """The examples of each batch, with the seed of its random numbers."""

    def __init__(self, batches: BatchSampler) -> None:
        self._batches = batches
        self.first = 0

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        for number, indexes in enumerate(self._batches):
            yield self.first + number, indexes


class _SeededExamples(Dataset[Any]):
    """In a process of a loader: the examples of a batch, after its seed was set."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitems__(self, batch: tuple[int, list[int]]) -> list[Any]:
        seed, indexes = batch
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        return [self._dataset[index] for index in indexes]


class _Sent:
    """In a process of a loader: a batch with its small tensors as arrays, which are pickled by their content.

    Args:
        collate: makes a batch of examples.
    """

    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self._collate = collate

    def __call__(self, examples: list[Any]) -> Any:
        return _mapped(self._collate(examples), _by_content)


class _Content(NamedTuple):
    """A small tensor on its way; in an array of NumPy's, because torch sends its own tensors by file descriptor."""

    array: np.ndarray[Any, Any]


def _by_content(value: Any) -> Any:
    small = isinstance(value, Tensor) and value.nbytes <= SMALL and value.dtype != torch.bfloat16
    # Copied: a large tensor of the same storage is moved to shared memory, and its place is free then.
    return _Content(value.numpy().copy()) if small else value


def _received(value: Any) -> Any:
    return torch.from_numpy(value.array) if isinstance(value, _Content) else value


def _mapped(batch: Any, change: Callable[[Any], Any]) -> Any:
    """`batch`, with what its lists, tuples and dictionaries hold changed."""
    if isinstance(batch, _Content):
        return change(batch)
    if isinstance(batch, dict):
        return {key: _mapped(value, change) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_mapped(value, change) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_mapped(value, change) for value in batch)
    return change(batch)


def shuffled(dataset: Sized) -> RandomSampler:
    """Each example once, in an order that the epoch's random numbers give."""
    return RandomSampler(dataset)


def data_share(seconds: Mapping[str, float]) -> float | None:
    """Share of an epoch's training that waited for batches, from `Epoch.seconds`; None if that does not tell."""
    if "data" not in seconds or "train" not in seconds:
        return None
    total = seconds["data"] + seconds["train"]
    return seconds["data"] / total if total else None


def waiting(device: torch.device, epoch: int, seconds: Mapping[str, float]) -> str:
    """One sentence if a GPU waited for data through more than `WAITS` of an epoch's training; "" otherwise."""
    share = data_share(seconds)
    if device.type != "cuda" or share is None or share <= WAITS:
        return ""
    return f"the GPU waited for data in {share:.0%} of epoch {epoch}'s training; more workers prepare batches sooner"
