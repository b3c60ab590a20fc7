"""What changes from step to step and from epoch to epoch. Epochs count from 1, steps from 0."""

from __future__ import annotations


def rate_share(epoch: int, step: int, *, steps: int, epochs: int, warmup_epochs: int, lrf: float) -> float:
    """Share of lr0 in `step` of `steps` in `epoch`, in [0, 1]: Ultralytics' linear schedule, stepped by epoch.

    In warm-up the rates of all groups rise evenly from 0, step by step; it ends before the last epoch at the latest, as
    upstream's. Ultralytics lets the rate of the biases fall from 0.1 instead, whatever lr0 is: an exported
    configuration switches that off, and so do we.
    """
    share = max(1 - (epoch - 1) / epochs, 0) * (1 - lrf) + lrf
    warmup = _warmup(warmup_epochs, epochs) * steps
    done = step + (epoch - 1) * steps
    return share * done / warmup if done < warmup else share


def _warmup(warmup_epochs: int, epochs: int) -> int:
    """Epochs of warm-up; the last epoch is none of them."""
    return min(warmup_epochs, epochs - 1)


def phase(epoch: int, *, epochs: int, warmup_epochs: int, close_mosaic: int, freeze: int, unfreeze_epoch: int) -> str:
    """The phase of `epoch`: "warmup", "frozen" while layers are, then "main", then "finetune" without mixed images."""
    if epoch <= _warmup(warmup_epochs, epochs):
        return "warmup"
    if closes_mosaic(epoch, epochs=epochs, close_mosaic=close_mosaic):
        return "finetune"
    frozen = frozen_layers(epoch, freeze=freeze, unfreeze_epoch=unfreeze_epoch)
    return "frozen" if unfreeze_epoch and frozen else "main"


def closes_mosaic(epoch: int, *, epochs: int, close_mosaic: int) -> bool:
    """Whether `epoch` is one of the last `close_mosaic`, which see no mixed images."""
    return epoch > epochs - close_mosaic


def frozen_layers(epoch: int, *, freeze: int, unfreeze_epoch: int) -> range:
    """The layers of a backbone that `epoch` does not train: up to `freeze`, until `unfreeze_epoch` (0: never unfrozen).

    The first is never frozen, other than in Ultralytics: its thermal filters are new and would stay as they start.
    Of two backbones it is the same in both.
    """
    return range(1, freeze) if not unfreeze_epoch or epoch <= unfreeze_epoch else range(0)
