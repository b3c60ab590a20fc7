"""The files that the experiment browser shows: those of a sweep, and those of one trial."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from search.journal.events import EpochDone
from search.pruning.curve_statistics import CurveStatistics
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.data_look import PICTURE, DataLook
from search.sweep.environment import ENVIRONMENT_FILE
from search.sweep.folder import SweepFolder
from search.views.charts.png import png
from search.views.data_look import as_markdown
from search.views.figures import figures
from search.views.html_report import sweep_report
from search.views.importance import Importance
from search.views.markdown import markdown
from search.views.stability_figure import shows_a_course, stability_figure
from search.views.status_table import label
from search.views.tables import phase_table


def sweep_files(
    state: SweepState, folder: SweepFolder, shares: Importance, data_look: DataLook | None, target: Path
) -> None:
    """Write `figures/*.png`, the interactive `report.html` and what is shown of the data into `target`.

    At the sweep's end also `models/`: the numbers of winner and baseline on held-out data.
    """
    (target / "figures").mkdir(parents=True)
    for chart in figures(state, shares):
        if not chart.empty:
            (target / "figures" / f"{chart.name}.png").write_bytes(png(chart))
    (target / "report.html").write_text(sweep_report(state, folder), encoding="utf-8")
    for file in sorted((folder.path / "models").glob("*.json")):
        (target / "models").mkdir(exist_ok=True)
        shutil.copyfile(file, target / "models" / file.name)
    if data_look:
        (target / "data").mkdir()
        (target / "data" / "data.md").write_text(as_markdown(data_look), encoding="utf-8")
        if data_look.picture:
            (target / "data" / PICTURE).write_bytes(data_look.picture)


def trial_files(
    trial: TrialState,
    epochs: Sequence[EpochDone],
    statistics: CurveStatistics,
    metric: str,
    trial_folder: Path,
    target: Path,
) -> None:
    """Write a trial's settings, phase table and stability figure into `target`, and copy its log and environment.

    The figure is left out if it would show no course: the training has two epochs and reports no losses of its steps.

    Args:
        trial: with its curve.
        epochs: all of them, in order.
        statistics: of its curve.
        metric: the objective's name.
        trial_folder: the trial's folder in the sweep, with the log and the environment that its process wrote.
        target: an existing folder.
    """
    settings = yaml.safe_dump(trial.started.settings, sort_keys=False)
    (target / "settings.yaml").write_text(settings, encoding="utf-8")
    for name in ("log.txt", ENVIRONMENT_FILE):
        if (trial_folder / name).is_file():
            shutil.copyfile(trial_folder / name, target / name)
    if epochs:
        chart = stability_figure(f"Trial {label(trial)}", epochs, trial.curve, statistics)
        if shows_a_course(chart):  # a picture takes four fifths of all that a short trial costs the recorder
            (target / f"{chart.name}.png").write_bytes(png(chart))
        (target / "phases.md").write_text(markdown(phase_table(statistics, metric)) + "\n", encoding="utf-8")
