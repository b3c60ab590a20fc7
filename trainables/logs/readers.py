"""Reads the epochs of a running training from what its script writes; each call gives what is new.

`reader` chooses by `metric.source` of the sweep file. Files with rows are copied beside each checkpoint and put back
when a training goes on (`files`); what is there by then is skipped (`skip`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from trainables.logs.epochs import LogRow
from trainables.logs.line_readers import CsvReader, JsonlReader, OutputReader, YoloxReader, compiled
from trainables.logs.store_readers import MLFLOW_FILE, MlflowReader, TrainerStateReader
from trainables.objective import Objective


class Reader(Protocol):
    """What the epochs of a run are read with."""

    def read(self, final: bool) -> list[LogRow]:
        """What is new; `final` once the script has ended, so that a last line without an end is complete.

        Raises:
            DataError: the log cannot be read as it was declared.
        """

    def skip(self) -> None:
        """Leave out what is there already."""

    @property
    def files(self) -> list[Path]:
        """The files with rows, as far as they are there, which belong to a checkpoint."""

    def state(self) -> str:
        """What is there, for the sentence that says why no epoch was read."""


def reader(objective: Objective, path: Path, output: Path, start: int) -> Reader:
    """The reader of a run.

    Args:
        objective: with its source.
        path: the source's file or folder; the run's folder for `mlflow`.
        output: the file that the script's output is appended to.
        start: the byte of it where this script's output begins.
    """
    source = objective.source
    assert source is not None
    names = (*objective.parts, *objective.losses, *objective.held_out_losses, *objective.rates)
    if source.stdout is not None:
        return OutputReader(output, start, compiled(source.stdout))
    if source.tensorboard is not None:
        from trainables.logs.tensorboard_events import TensorboardReader  # imports tensorboard, which may be absent

        return TensorboardReader(path)
    if source.mlflow is not None:
        return MlflowReader(path / MLFLOW_FILE)
    if source.trainer_state is not None:
        return TrainerStateReader(path)
    if source.yolox is not None:
        return YoloxReader(path)
    if source.jsonl is not None:
        return JsonlReader(path, source.epoch or "epoch")
    of_epochs = (*objective.parts, *objective.losses, *objective.held_out_losses)
    return CsvReader(path, source.epoch or "epoch", [] if source.lightning is not None else names, of_epochs)


def completed(objective: Objective) -> Objective:
    """The objective with the losses and the way of counting that its kind of source has, where none are given."""
    source = objective.source
    assert source is not None
    filled: dict[str, Any] = {}
    if not (objective.losses or objective.held_out_losses or objective.rates):
        filled |= _USUAL.get(source.kind, {})
    counting = _COUNTING.get(source.kind, {})
    usual = {name: value for name, value in counting.items() if name not in source.model_fields_set}
    if usual:
        filled |= {"source": source.model_copy(update=usual)}
    return objective.model_copy(update=filled)


_USUAL: Mapping[str, dict[str, list[str]]] = {
    "ultralytics": {"losses": ["train/*"], "held_out_losses": ["val/*"], "rates": ["lr/*"]},
    "yolox": {"losses": ["total_loss"]},
    "trainer_state": {"losses": ["loss"], "held_out_losses": ["eval_loss"], "rates": ["learning_rate"]},
}
"""The losses and rates of the kinds of source; a * stands for the rest of a name."""
_COUNTING: Mapping[str, dict[str, Any]] = {
    "lightning": {"rows": "step"},
    "yolox": {"rows": "step"},
    "trainer_state": {"rows": "step", "first": 1},
}
"""How the kinds of source count epochs. Hugging Face's row of epoch 0 is an evaluation before the first one."""
