"""Ultralytics' trainer as it is, kept from what a sweep must not have: loggers, downloads, files beside the data.

Imports Ultralytics; import it inside `trainables.ultralytics_import.isolated`.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ultralytics import YOLO
from ultralytics.nn.tasks import load_checkpoint
from ultralytics.utils import LOGGER

from trainables.errors import SettingsError
from trainables.rank import Rank
from trainables.ultralytics.distributed import join
from trainables.ultralytics.files import model_file
from trainables.ultralytics.settings import OURS, UltralyticsSettings
from trainables.ultralytics.tasks import task_of

Callbacks = Mapping[str, Callable[[Any], None]]
"""Functions of the trainer by Ultralytics' name of the event."""
NO_COPY = Path(os.devnull, "no.npy")
"""A path where no file can be."""

PINNED: Mapping[str, Any] = {
    "mode": "train",
    "time": None,
    "patience": 0,  # never: the sweep's scheduler ends trainings
    "save": False,
    "save_period": -1,
    "resume": False,
    "exist_ok": True,
    "val": True,
    "plots": False,
    "verbose": False,
    "split": "val",
}


def arguments(settings: UltralyticsSettings, data: str, save_dir: Path) -> dict[str, Any]:
    """`settings` as overrides of Ultralytics' configuration, for a training on `data` in the folder `save_dir`."""
    values = settings.model_dump(exclude=set(OURS))
    paths = {"model": model_file(settings.model), "data": data, "save_dir": str(save_dir)}
    if isinstance(settings.pretrained, str):
        paths["pretrained"] = model_file(settings.pretrained)
    return {**values, **paths, **PINNED, "task": task_of(values)}


def new_trainer(overrides: dict[str, Any], callbacks: Callbacks, rank: Rank | None = None) -> Any:
    """The trainer of the model's own task, as `YOLO(model).train` makes it, with no callbacks but `callbacks`.

    `rank` is the place of this process in a training of several.
    """
    model = YOLO(overrides["model"], task=overrides["task"])
    check_task(model.task, overrides)
    registered = defaultdict(list, {event: [function] for event, function in callbacks.items()})
    trainer = model._smart_load("trainer")(overrides=dict(overrides), _callbacks=registered)
    if rank is not None:
        join(trainer, rank)
    if model.ckpt:
        weights = model.model if overrides["pretrained"] is not False else None
        if isinstance(overrides["pretrained"], str):
            weights, _ = load_checkpoint(overrides["pretrained"])
        trainer.model = trainer.get_model(weights=weights, cfg=model.model.yaml)
    return trainer


def check_task(task: str, overrides: Mapping[str, Any]) -> None:
    """Whether the model is for the task of the settings.

    Raises:
        SettingsError: it is not.
    """
    if task != overrides["task"]:
        raise SettingsError(
            f"ultralytics: task is {overrides['task']}, but {overrides['model']} is a model for {task}; set task={task}"
            f" or give another model"
        )


@contextmanager
def contained(scans: dict[str, Any]) -> Iterator[list[str]]:
    """For the block, in which a trainer is set up: no loggers, no downloads, and nothing written beside the data.

    A data set that is made in it reads its images alone. Ultralytics takes `a.npy` beside `a.jpg` for a decoded copy,
    whatever `cache` says: it trains on such an array, writes an image over one of another shape, and deletes one that
    it cannot read. It may be a user's temperatures.

    Args:
        scans: keeps what Ultralytics would write to `*.cache` files beside the labels, by the file's path.

    Yields:
        What Ultralytics remarks about labels and images, filled as it reads them.
    """
    remarks: list[str] = []

    def load(path: Path) -> dict[str, Any]:
        return deepcopy(dict(scans[str(path)]))  # the caller changes it; a missing one makes it scan the labels

    def save(prefix: str, path: Path, content: dict[str, Any], version: str) -> None:
        content["version"] = version
        remarks.extend(content["msgs"])
        scans[str(path)] = deepcopy(content)

    def refuse(*args: Any, **keywords: Any) -> None:
        raise ConnectionError("nothing is downloaded while a trial runs")

    def leave_out(*args: Any) -> None:
        """In place of writing a JPEG anew, where it is, that lacks its last bytes."""
        raise ValueError("the JPEG lacks its end, and Ultralytics would write it anew in its place: mend it first")

    def nothing(*args: Any, **keywords: Any) -> None:
        return None

    def set_no_copies(dataset: Any, copies: Sequence[Path]) -> None:
        vars(dataset)["npy_files"] = [NO_COPY] * len(copies)

    no_copies = property(lambda dataset: vars(dataset)["npy_files"], set_no_copies)
    with (
        patch("ultralytics.utils.callbacks.add_integration_callbacks", nothing),
        patch("ultralytics.data.dataset.load_dataset_cache_file", load),
        patch("ultralytics.data.dataset.save_dataset_cache_file", save),
        patch("ultralytics.data.utils._replace_image", leave_out),
        patch("ultralytics.data.base.BaseDataset.npy_files", no_copies, create=True),
        patch("ultralytics.utils.downloads.is_url", nothing),  # None, as for an address that does not answer: a font's
        patch("ultralytics.utils.downloads.safe_download", refuse),
        logged(),
    ):
        yield remarks


class _ToPrint(logging.Handler):
    """Prints: to where `print` writes at that time, which for a trial is its log."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), flush=True)


@contextmanager
def logged() -> Iterator[None]:
    """For the block, Ultralytics' warnings go to where `print` writes; its own handler keeps the first such place."""
    handlers, level = list(LOGGER.handlers), LOGGER.level
    LOGGER.handlers[:] = [_ToPrint()]
    LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        LOGGER.handlers[:] = handlers
        LOGGER.setLevel(level)
