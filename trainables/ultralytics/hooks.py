"""What steadytune does in the callbacks of Ultralytics' trainer: where it hands over, and what it sets.

`USED` names every attribute of the trainer that is read or set here and in `trainables.ultralytics.state`; a test
compares it with the installed Ultralytics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from ultralytics.utils.torch_utils import unwrap_model

from trainables.errors import SettingsError
from trainables.ultralytics.settings import OURS, UltralyticsSettings
from trainables.ultralytics.turns import Turns

READY, TRAINED, EVALUATED = "ready", "trained", "evaluated"
"""Where the trainer's thread waits: set up; after the batches of an epoch; after its evaluation."""

CHANGED_BY_TRAINER = frozenset({"model", "data", "device", "max_det", "name", "task"})
"""Keys of their configuration that the trainer writes anew, by other words or, for max_det, for crowded images."""


class Accumulation:
    """Adds up the gradients of several batches exactly as Ultralytics does, across epochs and resumes.

    The trainer keeps the number of the last batch that was followed by a step in a local variable, which a resumed
    training would not have. So it is told to step after every batch, and this decides whether it does.

    Args:
        trainer: set up, and before its first epoch.
    """

    def __init__(self, trainer: Any) -> None:
        self.batches = int(trainer.accumulate)
        self.last_step = -1
        self.batch = -1
        self._trainer = trainer
        self._step = trainer.optimizer_step
        if self.batches > 1:
            trainer.accumulate = 1
            trainer.optimizer_step = self.step_if_due

    @property
    def pending(self) -> bool:
        """Whether there are gradients that no step has taken."""
        return self.batches > 1 and self.last_step != self.batch

    def step_if_due(self) -> None:
        """Stands for the trainer's `optimizer_step`: that, or nothing."""
        if self.batch - self.last_step >= self._due_after(self.batch):
            self._step()
            self.last_step = self.batch

    def _due_after(self, batch: int) -> int:
        """Batches to a step at `batch`, counted over the whole training: 1 at first, rising during the warm-up."""
        trainer = self._trainer
        warmup = trainer._get_warmup_iterations(len(trainer.train_loader))
        if warmup and batch <= warmup:
            return max(1, int(np.interp(batch, [0, warmup], [1, self.batches]).round()))
        return self.batches


class Hooks:
    """The callbacks of one trainer.

    Args:
        settings: of the training.
        turns: in whose thread the trainer runs.

    Attributes:
        trainer: once it is being made.
        accumulation: once it is set up.
        gradients: of the checkpoint that it resumes from, by parameter; applied before its first batch.
        steps: the sum of the loss items of each batch of the epoch.
    """

    def __init__(self, settings: UltralyticsSettings, turns: Turns) -> None:
        self.trainer: Any = None
        self.accumulation: Accumulation | None = None
        self.gradients: dict[str, torch.Tensor] = {}
        self.steps: list[float] = []
        self._settings = settings
        self._turns = turns

    def callbacks(self) -> dict[str, Any]:
        """By Ultralytics' name of the event."""
        return {
            "on_pretrain_routine_start": self._take_trainer,
            "on_pretrain_routine_end": self._set_up,
            "on_train_epoch_start": self._start,
            "on_train_batch_start": self._count,
            "on_train_batch_end": self._stepped,
            "on_train_epoch_end": self._trained,
            "on_fit_epoch_end": self._evaluated,
        }

    def _take_trainer(self, trainer: Any) -> None:
        self.trainer = trainer
        trainer.args.workers = self._settings.workers  # on a CPU the trainer sets 0, whatever was given

    def _set_up(self, trainer: Any) -> None:
        check_applied(trainer, self._settings)
        self.accumulation = Accumulation(trainer)
        trainer.save_model = lambda: False  # of the last epoch, which it would save whatever `save` says
        self._turns.wait(READY)

    def _start(self, trainer: Any) -> None:
        """Every random number of an epoch follows from the process' generators, which the driver has just seeded."""
        check_unchanged(trainer, self._settings)
        trainer._oom_retries = 3  # as many as it allows: it raises in place of halving the batch
        trainer.train_loader.generator.manual_seed(int(torch.randint(2**62, (1,))))
        trainer.train_loader.reset()
        _forget_images(trainer.train_loader.dataset)
        assert self.accumulation is not None
        self.accumulation.batch = trainer.epoch * len(trainer.train_loader) - 1
        for name, parameter in unwrap_model(trainer.model).named_parameters() if self.gradients else ():
            if name in self.gradients:
                parameter.grad = self.gradients[name].to(parameter.device)
        self.gradients = {}
        self.steps = []

    def _count(self, trainer: Any) -> None:
        assert self.accumulation is not None
        self.accumulation.batch += 1

    def _stepped(self, trainer: Any) -> None:
        self.steps.append(sum(float(value) for value in trainer.loss_items.values()))

    def _trained(self, trainer: Any) -> None:
        self._turns.wait(TRAINED)

    def _evaluated(self, trainer: Any) -> None:
        self._turns.wait(EVALUATED)


def _forget_images(dataset: Any) -> None:
    """Empty the buffer of the images that were loaded last, from which mosaic draws: a resumed training has none."""
    for index in getattr(dataset, "buffer", ()):
        dataset.ims[index] = dataset.im_hw0[index] = dataset.im_hw[index] = None
    if hasattr(dataset, "buffer"):
        dataset.buffer.clear()


def check_applied(trainer: Any, settings: UltralyticsSettings) -> None:
    """Whether the trainer, after its set-up, holds what the settings say.

    Raises:
        SettingsError: naming the first key that differs.
    """
    applied = vars(trainer.args)
    automatic = {"optimizer", "lr0", "warmup_bias_lr"} if settings.optimizer == "auto" else set()
    for name, value in settings.model_dump(exclude=set(OURS)).items():
        if name in CHANGED_BY_TRAINER or name in automatic:
            continue
        if name == "pretrained" and isinstance(value, str):
            continue
        if applied[name] != value:
            raise SettingsError(
                f"ultralytics: {name} is {value}, but the trainer changed it to {applied[name]}; set what it can use"
            )
    if trainer.args.task == "classify" and settings.multi_scale:
        raise SettingsError("ultralytics: multi_scale is not for classify; set it to 0")
    if automatic:
        print(f"optimizer auto: Ultralytics chose {trainer.args.optimizer} with lr0 {trainer.args.lr0:g}", flush=True)
        return
    if type(trainer.optimizer).__name__ != settings.optimizer:
        name = type(trainer.optimizer).__name__
        raise SettingsError(f"ultralytics: optimizer is {settings.optimizer}, but the trainer made {name}; report this")
    rates = {float(group["initial_lr"]) for group in trainer.optimizer.param_groups}
    if not any(np.isclose(rate, settings.lr0, rtol=1e-9) for rate in rates):
        raise SettingsError(f"ultralytics: lr0 is {settings.lr0}, but the optimizer has {sorted(rates)}; report this")


def check_unchanged(trainer: Any, settings: UltralyticsSettings) -> None:
    """Whether batch size and epochs are still those of the settings, before an epoch. Raises SettingsError."""
    for name, applied in (("batch", trainer.batch_size), ("epochs", trainer.epochs)):
        if applied != getattr(settings, name):
            raise SettingsError(
                f"ultralytics: {name} is {getattr(settings, name)}, but the trainer changed it to {applied}"
            )


def criterion_of(model: nn.Module) -> Any:
    """The loss of `model` if it changes from epoch to epoch, as YOLO26's two heads' weights do; else None."""
    criterion = getattr(unwrap_model(model), "criterion", None)
    return criterion if hasattr(criterion, "update") else None
