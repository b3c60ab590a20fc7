"""Which checkpoints of the whole sweep stay on disk.

Ray keeps checkpoints trial by trial, so a sweep of a thousand trials keeps a thousand. Here the best few of the whole
sweep stay, one a configuration, and of each trial that runs or waits its newest, to go on from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search.state.trial_state import TrialState


@dataclass(frozen=True)
class Kept:
    """One checkpoint on disk.

    Attributes:
        trial, epoch: which training wrote it, and when.
        group: the configuration it belongs to; trainings of one configuration on several seeds share it.
        value: the objective at that epoch, higher is better; None if it has none.
        bytes: its size.
        newest: whether it is the newest of a trial that runs or waits.
        lost: whether its trial was stopped as lost (diverged, collapsed, …).
    """

    trial: int
    epoch: int
    group: int
    value: float | None
    bytes: int
    newest: bool = False
    failed: bool = False


def on_disk(trials: Iterable[TrialState]) -> list[Kept]:
    """All checkpoints of `trials`."""
    return [one for trial in trials if trial.checkpoints for one in _checkpoints(trial)]


def _checkpoints(trial: TrialState) -> Iterator[Kept]:
    values = {point.epoch: point.value for point in trial.curve.evaluated}
    for epoch, size in trial.checkpoints.items():
        value = values.get(epoch)
        signed = None if value is None else trial.curve.sign * value
        newest = trial.decision is None and epoch == max(trial.checkpoints)
        yield Kept(trial.started.trial, epoch, trial.started.of, signed, size, newest, trial.failed)


def too_many(waiting: Iterable[TrialState], max_bytes: float) -> list[TrialState]:
    """Those to give up, the worst at the lowest rung first, so that the checkpoints of the rest fit `max_bytes`."""
    found = [one for one in waiting if one.checkpoints]
    size = sum(one.checkpoints[max(one.checkpoints)] for one in found)
    if size <= max_bytes:
        return []
    given_up = []
    for one in sorted(found, key=lambda one: (one.curve.epoch, one.curve.sign * (one.curve.smoothed_value or 0.0))):
        if size > max_bytes:
            size -= one.checkpoints[max(one.checkpoints)]
            given_up.append(one)
    return given_up


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
            and not one.failed
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
