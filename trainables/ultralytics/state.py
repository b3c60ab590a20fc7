"""All that a training of Ultralytics' goes on from, in full precision; and the `.pt` files that `YOLO()` loads.

Ultralytics' own checkpoints hold the moving average alone, in half precision: a training that goes on from one differs.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from ultralytics import YOLO, __version__
from ultralytics.utils.torch_utils import unwrap_model

from trainables.atomic import write_file
from trainables.ultralytics.hooks import Hooks, criterion_of

COLOURS = 3
"""Planes of the pictures of a network whose description does not say how many."""


def state_of(hooks: Hooks) -> dict[str, Any]:
    """Of the trainer that waits between two epochs: plain values and tensors, none of them copied."""
    trainer, accumulation = hooks.trainer, hooks.accumulation
    assert accumulation is not None
    model = unwrap_model(trainer.model)
    criterion = criterion_of(model)
    pending = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {
        "epoch": int(trainer.epoch),
        "model": model.state_dict(),
        "ema": trainer.ema.ema.state_dict(),
        "updates": int(trainer.ema.updates),
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "best_fitness": None if trainer.best_fitness is None else float(trainer.best_fitness),
        "criterion": None if criterion is None else int(criterion.updates),
        "last_step": accumulation.last_step,
        "gradients": pending if accumulation.pending else {},
        "loss_names": list(trainer.loss_names),
        "results": trainer.csv.read_text(encoding="utf-8") if trainer.csv.is_file() else "",
        "network": network_of(model, str(trainer.args.task)),
    }


def load_state(hooks: Hooks, state: Mapping[str, Any]) -> None:
    """Put `state` into the trainer, which is set up and has not begun its first epoch."""
    trainer, accumulation = hooks.trainer, hooks.accumulation
    assert accumulation is not None
    model = unwrap_model(trainer.model)
    model.load_state_dict(state["model"])
    trainer.ema.ema.load_state_dict(state["ema"])
    trainer.ema.updates = state["updates"]
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.scaler.load_state_dict(state["scaler"])
    trainer.best_fitness = state["best_fitness"]
    trainer.epoch = state["epoch"]
    trainer.start_epoch = state["epoch"] + 1
    trainer.scheduler.last_epoch = trainer.start_epoch - 1
    if state["criterion"] is not None:
        model.criterion = model.init_criterion()
        model.criterion.updates = state["criterion"] - 1
        model.criterion.update()
    accumulation.last_step = state["last_step"]
    hooks.gradients = dict(state["gradients"])
    trainer.loss_items = {name: torch.zeros(1, device=trainer.device) for name in state["loss_names"]}
    if state["results"]:
        write_file(trainer.csv, state["results"])


def network_of(model: Any, task: str) -> dict[str, Any]:
    """What a network is built of again, without running code from a file: its description and what it was told."""
    attributes = {name: getattr(model, name) for name in ("nc", "kpt_shape", "kpt_names") if hasattr(model, name)}
    description = {key: value for key, value in model.yaml.items() if key != "yaml_file"}
    return {"yaml": plain(description), "names": plain(dict(model.names)), "task": task, **plain(attributes)}


def plain(value: Any) -> Any:
    """`value` in types that a checkpoint may hold: paths as texts, tuples as lists."""
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def network(described: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """The network that `network_of` described, with `weights`, in evaluation mode."""
    kind = YOLO.task_map.fget(None)[described["task"]]["model"]
    shape = {"data_kpt_shape": described["kpt_shape"]} if described["task"] == "pose" else {}
    yaml = deepcopy(dict(described["yaml"]))
    planes = yaml.get("channels", COLOURS)  # it holds them, but most tasks' models take the argument
    model = kind(yaml, ch=planes, nc=len(described["names"]), verbose=False, **shape)
    for name in ("nc", "kpt_shape", "kpt_names", "task", "names"):
        if name in described:
            setattr(model, name, described[name])
    model.load_state_dict(weights)
    return model.eval()  # type: ignore[no-any-return]


def write_pt(
    path: Path,
    model: nn.Module,
    arguments: Mapping[str, Any],
    metrics: Mapping[str, float],
    results: str,
    weights: Mapping[str, Tensor] | None = None,
) -> Path:
    """Write `model` as Ultralytics' trainer leaves it at its end, but in full precision, as it was evaluated.

    Args:
        path: file.
        model: not changed.
        arguments: Ultralytics' configuration of its training.
        metrics: of this model.
        results: the text of `results.csv` up to its epoch.
        weights: to write in place of the model's own.
    """
    copied: Any = deepcopy(model)
    if weights is not None:
        copied.load_state_dict(weights)
    copied.criterion = None
    copied.args = dict(arguments)
    copied.requires_grad_(False)
    content = {
        "epoch": -1,  # as Ultralytics marks a model that no training goes on from
        "best_fitness": None,
        "model": copied,
        "ema": None,
        "updates": None,
        "optimizer": None,
        "train_args": dict(arguments),
        "train_metrics": dict(metrics),
        "train_results": columns(results),
        "date": datetime.now().astimezone().isoformat(),
        "version": __version__,
        "license": "AGPL-3.0 (https://ultralytics.com/license)",
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_file(path, buffer.getvalue())


def columns(results: str) -> dict[str, list[float]]:
    """The columns of a `results.csv`, by name."""
    head, *rows = [line.split(",") for line in results.splitlines() if line] or [[]]
    return {name: [float(row[index]) for row in rows] for index, name in enumerate(head)}
