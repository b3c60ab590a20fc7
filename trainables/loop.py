"""The one epoch loop that every recipe shares.

A recipe describes its training as a `Training`; `epochs` runs it epoch by epoch. Before each epoch Python's, NumPy's
and torch's generators are seeded from (seed, epoch), so no generator state needs saving for an exact resume, and they
are put back afterwards, as torch's switches for GPUs are, so two trainings in one process do not see each other.

The recipes' optimizers take all tensors in a few calls (`foreach=True`), which torch does on a GPU by itself: the same
bits as one by one, and 14 ms in place of 23 for an AdamW step of 360 small tensors on one core. A fused one rounds
otherwise.
"""

from __future__ import annotations

import hashlib
import io
import math
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from trainables.backends import backends
from trainables.errors import CheckpointError, SteadytuneError
from trainables.identity import difference
from trainables.loading import waiting
from trainables.recipe import Alarm, Epoch
from trainables.settings import Settings, to_yaml
from trainables.torch_file import load_torch

STATE, SETTINGS = "state.pt", "settings.yaml"
"""Files of a checkpoint: what the training goes on from, and the settings that it was trained with."""


class Training(Protocol):
    """One training as the loop sees it."""

    epochs: int
    model: torch.nn.Module

    def phase(self, epoch: int) -> str:
        """The part of the schedule that `epoch` (from 1) belongs to."""

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Train `epoch` (from 1); returns mean losses ("train", "train/…") and seconds by part ("data", "train")."""

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Held-out metrics, and held-out losses ("val", "val/…")."""

    def rates(self) -> dict[str, float]:
        """Learning rate by optimizer group."""

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on besides settings and data."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""


@runtime_checkable
class Watched(Protocol):
    """A training that knows by itself when it is lost, besides weights that are no longer finite."""

    def alarm(self) -> Alarm | None:
        """What the last epoch showed to be lost."""


@runtime_checkable
class Stepwise(Protocol):
    """A training that keeps the losses of its steps."""

    def steps(self) -> list[float]:
        """The total training loss of each step of the last epoch, in order."""


@runtime_checkable
class Remarking(Protocol):
    """A training that has something to say for the report."""

    def remark(self) -> str:
        """One sentence on the last epoch; "" if there is none."""


@runtime_checkable
class Closing(Protocol):
    """A training with a thread or processes of its own."""

    def close(self) -> None:
        """End them."""


@contextmanager
def seeded(*parts: int | str) -> Iterator[None]:
    """Seed Python's, NumPy's and torch's generators from `parts` inside the block; put them back after it."""
    python, numpy = random.getstate(), np.random.get_state()
    # Nothing is asked of other GPUs, or of one that this process does not use: each would get a context of it.
    gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=gpus):
        seed_generators(*parts)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def seed_generators(*parts: int | str) -> None:
    """Seed Python's, NumPy's and torch's generators from `parts`, for good."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    seed = int.from_bytes(digest[:4], "little")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def epochs(
    training: Training, *, seed: int, identity: str, resume: Path | None, settings: Settings, resumes: str = ""
) -> Iterator[Epoch]:
    """Run `training` to its end, one `Epoch` at a time.

    Args:
        training: freshly built.
        seed: of the whole training.
        identity: of the training, see `trainables.identity`; a checkpoint of another one is not resumed.
        resume: checkpoint directory to continue from.
        settings: of the training; each checkpoint holds them, so that it can be evaluated on its own.
        resumes: the identity that the checkpoint must have, if not `identity`: of the same training with fewer epochs.
    """
    with _closed(training):
        start = _restore(training, resume, resumes or identity) if resume else 0
        yield from _epochs_after(start, training, seed, identity, settings)


def _epochs_after(start: int, training: Training, seed: int, identity: str, settings: Settings) -> Iterator[Epoch]:
    for epoch in range(start + 1, training.epochs + 1):
        with seeded(seed, "train", epoch), backends(settings):
            losses, seconds = training.train_epoch(epoch)
        alarm = nonfinite_weights(training.model)
        metrics: dict[str, float] = {}
        if alarm is None:
            began = time.perf_counter()
            with seeded(seed, "evaluate", epoch), backends(settings):
                metrics, held_out = training.evaluate(epoch)
            alarm = training.alarm() if isinstance(training, Watched) else None
            losses = losses | held_out
            seconds = seconds | {"evaluate": time.perf_counter() - began}
        remarks = [training.remark()] if isinstance(training, Remarking) else []
        if epoch > start + 1:  # in the first the loader's processes start
            remarks.append(waiting(_device(training.model), epoch, seconds))
        yield Epoch(
            epoch=epoch,
            phase=training.phase(epoch),
            metrics=metrics,
            losses=losses,
            rates=training.rates(),
            seconds=seconds,
            save=_saver(training, epoch, identity, settings),
            alarm=alarm,
            steps=training.steps() if isinstance(training, Stepwise) else (),
            remark="; ".join(filter(None, remarks)),
        )


@contextmanager
def _closed(training: Training) -> Iterator[None]:
    """Close `training` at the end of the block, if it has something to close."""
    try:
        yield
    finally:
        if isinstance(training, Closing):
            training.close()


def nonfinite_weights(model: torch.nn.Module) -> Alarm | None:
    """Weights that are no longer numbers cannot recover: name the first."""
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not math.isfinite(float(value.sum())) and not bool(value.isfinite().all()):
            return Alarm("nonfinite", f"weights of {name} are no longer finite")
    return None


def _device(model: torch.nn.Module) -> torch.device:
    return next((value.device for value in model.parameters()), torch.device("cpu"))


def _saver(training: Training, epoch: int, identity: str, settings: Settings) -> Any:
    def save(directory: Path) -> None:
        # By way of memory: on a full disk torch itself raises a RuntimeError that does not say so.
        buffer = io.BytesIO()
        torch.save({"epoch": epoch, "identity": identity, "training": training.state()}, buffer)
        (directory / STATE).write_bytes(buffer.getbuffer())
        (directory / SETTINGS).write_text(to_yaml(settings), encoding="utf-8")

    return save


def save_untrained(training: Training, directory: Path, settings: Settings) -> None:
    """Write the checkpoint of `training` as it is before its first epoch, and close the training."""
    with _closed(training):
        _saver(training, 0, "untrained", settings)(directory)


def _restore(training: Training, directory: Path, identity: str) -> int:
    """Load the checkpoint in `directory` into `training`; returns its epoch."""
    saved = read(directory)
    if why := difference(str(saved["identity"]), identity):
        raise CheckpointError(f"{directory / STATE}: {why}")
    training.load_state(saved["training"])
    return int(saved["epoch"])


def recipe_of(directory: Path) -> str:
    """Name of the recipe that wrote the checkpoint in `directory`.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    return str(read(directory)["identity"]).split()[0]


def class_names(directory: Path) -> tuple[str, ...]:
    """The classes that the checkpoint in `directory` was trained on; empty if it names none.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    return tuple(map(str, read(directory)["training"].get("names", ())))


def evaluation(training: Training, *, seed: int, checkpoint: Path, settings: Settings) -> dict[str, float]:
    """Held-out metrics and losses of a freshly built `training` with the weights of `checkpoint`; trains nothing.

    Raises:
        CheckpointError: the checkpoint is missing, damaged, or of a model of another size.
    """
    with _closed(training):
        saved = read(checkpoint)
        try:
            training.load_state(saved["training"])
        except (RuntimeError, KeyError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise CheckpointError(
                f"{checkpoint}: does not fit these settings and data ({first}); give those that it was trained with"
            ) from None
        with seeded(seed, "evaluate", int(saved["epoch"])), backends(settings):
            metrics, held_out = training.evaluate(int(saved["epoch"]))
    return metrics | held_out


def read(directory: Path) -> dict[str, Any]:
    """What `Epoch.save` wrote into `directory`: "epoch", "identity" and "training", the recipe's own state.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    path = directory / STATE
    if not path.is_file():
        raise CheckpointError(f"{directory}: holds no state.pt; give a checkpoint directory such as epoch-0007")
    try:
        return dict(load_torch(path))
    except SteadytuneError as error:
        raise CheckpointError(str(error)) from None
    except Exception as error:  # torch raises whatever unpickling a broken file runs into
        raise CheckpointError(
            f"{path}: is damaged or no checkpoint ({type(error).__name__}); use an earlier one"
        ) from None
