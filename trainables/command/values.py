"""What the numbers of an epoch are: metrics, losses or rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trainables.logs.ultralytics_columns import loss_columns, total
from trainables.objective import Objective
from trainables.recipe import Alarm, Epoch

NONFINITE_EPOCHS = 2
"""Values of the metric in a row that are no numbers after which a training without losses is lost."""


@dataclass(frozen=True)
class Parts:
    """The numbers of an epoch as `trainables.recipe.Epoch` has them."""

    metrics: dict[str, float]
    losses: dict[str, float]
    rates: dict[str, float]


def parted(objective: Objective, values: Mapping[str, float]) -> Parts:
    """The `values` of an epoch by kind. What is no loss and no rate is a metric, the objective among them."""
    losses, held_out_losses = named(objective.losses, values), named(objective.held_out_losses, values)
    rates = named(objective.rates, values)
    others = {*losses, *held_out_losses, *rates} - set(objective.parts)
    metrics = {name: value for name, value in values.items() if name not in others}
    value = objective.value(values)
    if value is not None:
        metrics[objective.name] = value
    return Parts(
        metrics,
        _loss("train", objective.losses, losses, values)
        | _loss("val", objective.held_out_losses, held_out_losses, values),
        {name: values[name] for name in rates},
    )


def named(names: Sequence[str], values: Mapping[str, float]) -> list[str]:
    """Those of `names` that there are; `train/*` stands for the columns of that loss."""
    columns: list[str] = []
    for name in names:
        columns += loss_columns(list(values), name.removesuffix("*")) if name.endswith("*") else [name]
    return [name for name in columns if name in values]


def _loss(kind: str, names: Sequence[str], parts: Sequence[str], values: Mapping[str, float]) -> dict[str, float]:
    """The total of a loss, and its parts if there are several; nothing if a part is missing."""
    plain = [name for name in names if not name.endswith("*")]
    loss = total([values.get(name) for name in dict.fromkeys([*parts, *plain])])
    if loss is None:
        return {}
    return {kind: loss} | (
        {f"{kind}/{name.removeprefix(f'{kind}/')}": values[name] for name in parts} if len(parts) > 1 else {}
    )


def with_alarm(epoch: Epoch, objective: Objective, nonfinite: int) -> Epoch:
    """The epoch with an alarm if the metric is all that tells of a lost training, and is no number any more.

    Args:
        epoch: the last one.
        objective: the metric.
        nonfinite: the epochs in a row, up to this one, in which it was no number.
    """
    if objective.losses or nonfinite < NONFINITE_EPOCHS:
        return epoch
    value = epoch.metrics[objective.name]
    detail = f"{objective.name} was {value} in {nonfinite} epochs in a row (up to epoch {epoch.epoch})"
    return replace(epoch, alarm=Alarm("nonfinite", detail))
