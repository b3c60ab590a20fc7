"""Which checkpoints of the whole sweep stay on disk.

Ray keeps checkpoints trial by trial, so a sweep of a thousand trials keeps a thousand. Here the best few of the whole
sweep stay, one a configuration, and of each running trial its newest, to resume from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """One checkpoint on disk.

    Attributes:
        trial, epoch: which training wrote it, and when.
        group: the configuration it belongs to; trainings of one configuration on several seeds share it.
        value: the objective at that epoch, higher is better; None if it has none.
        bytes: its size.
        newest: whether it is the newest of a trial that still runs.
        lost: whether its trial was stopped as lost (diverged, collapsed, …).
    """

    trial: int
    epoch: int
    group: int
    value: float | None
    bytes: int
    newest: bool = False
    lost: bool = False


def surplus(
    checkpoints: Iterable[Kept], keep: int, max_bytes: float, finalists: frozenset[int] = frozenset()
) -> list[Kept]:
    """The checkpoints to delete.

    Args:
        checkpoints: all that are on disk.
        keep: configurations whose best checkpoint stays.
        max_bytes: bound on what stays. The first in rank and the newest of running trials stay even above it.
        finalists: configurations that are being confirmed; they come before any other.
    """
    found = list(checkpoints)
    best: dict[int, Kept] = {}
    for one in found:
        if (
            one.value is not None
            and not one.lost
            and (one.group not in best or one.value > (best[one.group].value or 0.0))
        ):
            best[one.group] = one
    ranked = sorted(best.values(), key=lambda one: (one.group in finalists, one.value or 0.0), reverse=True)
    stays = {(one.trial, one.epoch): one for one in found if one.newest}
    room = max_bytes - sum(one.bytes for one in stays.values())
    for place, one in enumerate(ranked[: max(keep, len(finalists))]):
        extra = 0 if (one.trial, one.epoch) in stays else one.bytes
        if place == 0 or extra <= room:
            stays[one.trial, one.epoch] = one
            room -= extra
    return [one for one in found if (one.trial, one.epoch) not in stays]
