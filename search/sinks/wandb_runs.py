"""A sweep's trials as offline runs of Weights & Biases, which `wandb sync` uploads."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import wandb

from search.journal.events import EpochDone
from search.journal.segments import read
from search.sinks.epoch_values import epoch_values
from search.sinks.new_folder import new_folder
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.folder import SweepFolder


class WandbRuns:
    """Writes a sweep's trials, confirmations and audits too, each once it has ended: a run cannot be appended to.

    The runs of a sweep are a group. Their times are those of the writing; W&B lets nobody set them.

    Args:
        folder: the sweep's.
        target: replaced if an earlier one wrote it.
        project: W&B's, which the runs belong to.

    Raises:
        FileExistsError: something else is there.
        OSError: it cannot be written.
    """

    def __init__(self, folder: SweepFolder, target: Path, project: str) -> None:
        new_folder(target)
        self._name, self._journal, self._target, self._project = folder.name, folder.journal, target, project
        self._seq = 0
        self._epochs: dict[int, list[EpochDone]] = defaultdict(list)
        self._written: set[int] = set()

    def update(self, state: SweepState) -> None:
        """Write the trials that have ended since the last call; `state` is of the sweep by now."""
        for row in read(self._journal, after=self._seq) if self._journal.is_dir() else ():
            self._seq = row.seq
            if isinstance(row.event, EpochDone):
                self._epochs[row.event.trial].append(row.event)
        for trial in state.trials.values():
            if trial.status == "ended" and trial.number not in self._written:
                self._write(trial, self._epochs.pop(trial.number, []))
                self._written.add(trial.number)

    def _write(self, trial: TrialState, epochs: list[EpochDone]) -> None:
        quiet = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, x_disable_stats=True, x_disable_meta=True
        )
        run = wandb.init(
            mode="offline",
            project=self._project,
            group=self._name,
            job_type=trial.started.kind,
            id=f"{self._name}-{trial.number:04d}",
            name=f"{trial.number:04d} {trial.started.named}".strip(),
            config=dict(trial.started.settings),
            dir=self._target,
            reinit="create_new",
            settings=quiet,
        )
        for event in epochs:
            run.log(epoch_values(event), step=event.epoch)
        last = trial.decisions[-1]
        value = trial.curve.objective_value
        run.summary.update({"reason": last.reason, "detail": last.detail, "objective": value})
        run.finish()
