"""Which checkpoints of the whole sweep stay on disk.

Ray keeps checkpoints per trial, so a sweep of a thousand trials would keep a thousand. Here three kinds stay:

    the best few of the whole sweep, one per configuration
    the newest of each running or paused trial, from which it continues
    of a running trial, the best of its last epochs: the mean that they are part of is not complete yet
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from search.pruning.objective import Rating
from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState


@dataclass(frozen=True)
class StoredCheckpoint:
    """One checkpoint on disk.

    Attributes:
        trial, epoch: which training wrote it, and after which epoch.
        configuration: the search trial whose configuration it has; trainings on other seeds share it, unless their
            models are to be combined (`combine_seeds`).
        rating: how good the model is, see `search.pruning.objective.ratings`. None if it was not evaluated.
        bytes: its size.
        newest: whether it is the newest of a running or paused trial.
        lost: whether it may never be handed back (`TrialState.hands_back`).
        pending: whether it is one of the last epochs of a running trial, and the best of those: the next ones may make
            it the checkpoint to hand back, although it is not that now.
    """

    trial: int
    epoch: int
    configuration: int
    rating: Rating | None
    bytes: int
    newest: bool = False
    lost: bool = False
    pending: bool = False

    @property
    def key(self) -> tuple[int, int]:
        """What identifies it: trial and epoch."""
        return self.trial, self.epoch


def to_delete(state: SweepState) -> list[StoredCheckpoint]:
    """The checkpoints of a sweep that can be deleted."""
    spec, finalists = state.plan.spec, finalist_numbers(state)
    if spec.combine_seeds:
        finalists += [training.number for number in finalists for training in state.trials.confirmations(number)]
    checkpoints = on_disk(state.trials.values(), spec.combine_seeds)
    return surplus(checkpoints, spec.keep_checkpoints, spec.max_checkpoint_gb * 1e9, frozenset(finalists))


def on_disk(trials: Iterable[TrialState], seeds_apart: bool) -> list[StoredCheckpoint]:
    """All checkpoints of `trials`; with `seeds_apart` a confirmation is a configuration of its own."""
    return [checkpoint for trial in trials if trial.checkpoints for checkpoint in _checkpoints(trial, seeds_apart)]


def _checkpoints(trial: TrialState, seeds_apart: bool) -> Iterator[StoredCheckpoint]:
    ratings = trial.curve.ratings()
    still_open = trial.checkpoints.keys() & trial.curve.open_epochs
    pending = max(sorted(still_open), key=lambda epoch: ratings[epoch][1], default=0)
    newest = max(trial.checkpoints)
    for epoch, size in trial.checkpoints.items():
        yield StoredCheckpoint(
            trial.started.trial,
            epoch,
            trial.number if seeds_apart and trial.started.kind == "confirm" else trial.started.of,
            ratings.get(epoch),
            size,
            newest=trial.decision is None and epoch == newest,
            lost=not trial.hands_back,
            pending=trial.running and epoch == pending,
        )


def paused_to_give_up(paused: Iterable[TrialState], max_bytes: float) -> list[TrialState]:
    """The paused trials to end so that the others' checkpoints fit `max_bytes`: lowest rung first, the worst first."""
    trials = [trial for trial in paused if trial.checkpoints]
    size = sum(_newest_bytes(trial) for trial in trials)
    if size <= max_bytes:
        return []
    given_up = []
    for trial in sorted(trials, key=_furthest_and_best_last):
        if size > max_bytes:
            size -= _newest_bytes(trial)
            given_up.append(trial)
    return given_up


def _newest_bytes(trial: TrialState) -> int:
    return trial.checkpoints[max(trial.checkpoints)]


def _furthest_and_best_last(trial: TrialState) -> tuple[int, float]:
    return trial.curve.epoch, trial.curve.oriented(trial.curve.objective_value or 0.0)


def surplus(
    checkpoints: Iterable[StoredCheckpoint], keep: int, max_bytes: float, finalists: frozenset[int] = frozenset()
) -> list[StoredCheckpoint]:
    """The checkpoints to delete.

    Args:
        checkpoints: all that are on disk.
        keep: of how many configurations the best checkpoint stays.
        max_bytes: limit on what stays. The best checkpoint of all and the newest of running and paused trials stay even
            if they exceed it; those that are pending go first.
        finalists: configurations that are being confirmed; they rank before all others.
    """
    all_of_them = list(checkpoints)
    newest = [checkpoint for checkpoint in all_of_them if checkpoint.newest]
    ranked = _ranked(all_of_them, finalists)[: max(keep, len(finalists))]
    pending = [checkpoint for checkpoint in all_of_them if checkpoint.pending]
    stays = {checkpoint.key for checkpoint in _that_fit([*ranked, *pending], newest, max_bytes)}
    return [checkpoint for checkpoint in all_of_them if checkpoint.key not in stays]


def _ranked(checkpoints: Iterable[StoredCheckpoint], finalists: frozenset[int]) -> list[StoredCheckpoint]:
    """The best checkpoint of each configuration, finalists first, then by rating; without those that are lost."""
    best: dict[int, tuple[Rating, StoredCheckpoint]] = {}
    for checkpoint in checkpoints:
        if checkpoint.rating is None or checkpoint.lost:
            continue
        before = best.get(checkpoint.configuration)
        if before is None or checkpoint.rating > before[0]:
            best[checkpoint.configuration] = checkpoint.rating, checkpoint
    ranked = sorted(best.values(), key=lambda entry: (entry[1].configuration in finalists, entry[0]), reverse=True)
    return [checkpoint for _, checkpoint in ranked]


def _that_fit(
    ranked: Iterable[StoredCheckpoint], newest: Iterable[StoredCheckpoint], max_bytes: float
) -> list[StoredCheckpoint]:
    """`newest`, the first of `ranked`, and each other one of `ranked` that there is still room for."""
    stays = list(newest)
    keys = {checkpoint.key for checkpoint in stays}
    room = max_bytes - sum(checkpoint.bytes for checkpoint in stays)
    for index, checkpoint in enumerate(ranked):
        extra = 0 if checkpoint.key in keys else checkpoint.bytes
        if index == 0 or extra <= room:
            stays.append(checkpoint)
            keys.add(checkpoint.key)
            room -= extra
    return stays
