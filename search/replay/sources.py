"""Reads recorded trainings from a sweep, a folder or a CSV file.

    a sweep's folder         its journal; runs that were stopped early, or had not ended, are censored
    a folder of trainings    each with Ultralytics' `results.csv` or YOLOv7's `results.txt` (and `args.yaml` or
                             `opt.yaml`), or YOLOX's `train_log.txt`
    a CSV file               one row per epoch: `run,epoch,<metric>`; optional: `train_loss,val_loss,seconds,phase`

MLflow experiments are read by `search/replay/mlflow_source.py`.

Only runs on the same data set with the same planned number of epochs are comparable: they make one recording. A run
that cannot be read is left out, with a sentence; the others are read (docs/recordings.md).
"""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from search.replay.epoch_order import Remark, with_seconds
from search.replay.recording import MIN_RUNS, Mode, Recording, Run, comparable
from search.replay.table_source import read_table
from search.replay.trainer_files import DEFAULT_MAX_BYTES, Family, Source
from search.replay.ultralytics_source import read_results_csv, read_results_txt
from search.replay.yolox_source import read_train_log
from search.state.follower import SweepFollower
from search.sweep.folder import SweepFolder
from trainables.errors import DataError
from trainables.logs.text_file import printable

_LOG = logging.getLogger(__name__)

READERS: dict[str, Callable[[Path, Source], list[tuple[Family, Run]]]] = {
    "results.csv": read_results_csv,
    "results.txt": read_results_txt,
    "train_log.txt": read_train_log,
}
"""The files of a training by their names; of two in one folder, the first is read."""
MAX_FOLDERS = 100_000
MAX_REMARKS = 4
"""On one file."""
TABLES = (".csv", ".tsv")


def read(
    path: Path,
    metric: str | None = None,
    mode: Mode = "max",
    remark: Remark = _LOG.warning,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> list[Recording]:
    """The recordings at `path`; `metric` and `mode` name the objective where the source does not.

    Args:
        path: a sweep's folder, a folder of trainings or a CSV file.
        metric: the objective's column.
        mode: whether higher ("max") or lower values are better.
        remark: takes a sentence for each run that is left out, and for what was read in another way than it was
            written; without it they are logged as warnings.
        max_bytes: of each file that is read.

    Raises:
        DataError: nothing there can be read, or no two runs are comparable.
    """
    remarks: list[str] = []

    def note(sentence: str) -> None:
        remarks.append(sentence)
        remark(sentence)

    # os.path says no to names that the system refuses, where Path raises.
    if os.path.isfile(path / "sweep.yaml"):
        recordings = [_sweep(path)]
    elif path.suffix.lower() in TABLES and os.path.isfile(path):
        recordings = [read_table(path, metric, mode, max_bytes, note)]
    elif os.path.isdir(path):
        recordings = _folder(Source(path, metric, mode, max_bytes, note))
    else:
        raise DataError(f"{printable(path)}: no sweep, no CSV file and no folder of trainings; give one of them")
    try:
        return comparable(recordings, printable(path))
    except DataError as error:
        first = f" ({remarks[0]})" if remarks else ""
        raise DataError(f"{error}{first}") from None


def _sweep(path: Path) -> Recording:
    state = SweepFollower(SweepFolder(path.parent, path.name)).read()
    runs = tuple(
        Run(
            str(trial.started.trial), trial.curve, tuple(trial.seconds), trial.started.settings,
            censored=not (trial.finished or trial.failed),
        )
        for trial in state.trials.search
        if trial.curve.epoch
    )  # fmt: skip
    recipe = state.plan.recipe
    return Recording(path.name, recipe.metric, recipe.mode, state.plan.max_epochs, runs)


def _folder(source: Source) -> list[Recording]:
    families: dict[Family, list[Run]] = defaultdict(list)
    for folder, names in _trainings(source):
        for other in names[1:]:
            source.remark(f"Left out: {printable(folder / other)}: {names[0]} of the same training is read")
        path = folder / names[0]
        remarks: list[str] = []
        try:
            for family, run in READERS[names[0]](path, replace(source, remark=remarks.append)):
                families[family].append(run)
            for sentence in remarks[:MAX_REMARKS]:
                source.remark(sentence)
            if len(remarks) > MAX_REMARKS:
                source.remark(f"{printable(path)}: and {len(remarks) - MAX_REMARKS} more remarks on this file")
        except DataError as error:
            # Readers of a table or of YAML name the file themselves.
            named = str(error).startswith(printable(folder))
            source.remark(f"Left out: {error}" if named else f"Left out: {printable(path)}: {error}")
    titles = Counter((family.data, family.epochs) for family in families)
    recordings = []
    for family, runs in families.items():
        metric = f", {family.metric}" if titles[family.data, family.epochs] > 1 else ""
        title = f"{printable(family.data)}{metric} ({family.epochs} epochs)"
        if len(runs) < MIN_RUNS:
            source.remark(f"Left out: {runs[0].name}: no other training of {title} was read to compare it with")
        longest = min(family.epochs, max(run.curve.epoch for run in runs))
        recordings.append(Recording(title, family.metric, source.mode, longest, with_seconds(runs)))
    return recordings


def _trainings(source: Source) -> Iterator[tuple[Path, list[str]]]:
    """The folders below the source that hold a training, with the names of its files.

    Linked folders are followed, each once; hidden ones hold copies (checkpoints of notebooks, snapshots).
    """
    visited: set[tuple[int, int]] = set()

    def refused(error: OSError) -> None:
        source.remark(f"Left out: {printable(error.filename)}: cannot be read ({error.strerror})")

    for folder, subfolders, files in os.walk(source.root, onerror=refused, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            subfolders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        if len(visited) > MAX_FOLDERS:
            raise DataError(f"{printable(source.root)}: has more than {MAX_FOLDERS:,} folders; give one that has fewer")
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        names = [name for name in READERS if name in files]
        if names:
            yield Path(folder), names
