"""The files that Ultralytics' own `model.tune` leaves, of a sweep: users and their scripts look for these names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ultralytics.utils.plotting import plot_tune_results

from trainables.atomic import write_file
from trainables.trial_summary import TrialSummary
from trainables.ultralytics.export import configuration
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.upstream import logged

BEST, RECORDS = "best_hyperparameters.yaml", "tune_results.ndjson"
PLOTS = ("tune_fitness.png", "tune_scatter_plots.png")


def write(
    settings: UltralyticsSettings, data: str, trials: Sequence[TrialSummary], directory: Path
) -> Mapping[str, str]:
    """Write them; see `Recipe.sweep_files`."""
    sources = data.split(",")
    content = {**configuration(settings), "data": sources[0] if len(sources) == 1 else sources}
    header = "# The best configuration, complete: yolo train cfg=best_hyperparameters.yaml\n"
    write_file(directory / BEST, header + yaml.safe_dump(content, sort_keys=False))
    numbers = _searched_numbers(trials)
    records = [_record(trial, numbers, sources) for trial in trials]
    write_file(directory / RECORDS, "".join(f"{json.dumps(record)}\n" for record in records))
    descriptions = {
        BEST: "the best configuration",
        RECORDS: "each trial of the search, as `model.tune` writes its iterations",
    }
    if any(trial.value for trial in trials):
        with logged():
            plot_tune_results(str(directory / RECORDS))
        descriptions |= {
            name: "the same as a figure, drawn by Ultralytics" for name in PLOTS if (directory / name).is_file()
        }
    return descriptions


def _searched_numbers(trials: Sequence[TrialSummary]) -> list[str]:
    """The settings that were searched in any trial and are numbers in all of them."""
    names = dict.fromkeys(name for trial in trials for name in trial.drawn)
    return [name for name in names if all(_is_number(trial.settings.get(name)) for trial in trials)]


def _record(trial: TrialSummary, numbers: Sequence[str], sources: Sequence[str]) -> dict[str, Any]:
    fitness = round(trial.value or 0.0, 5)  # 0 for a trial that failed, as Ultralytics has it
    return {
        "iteration": trial.trial + 1,
        "fitness": fitness,
        "hyperparameters": {name: trial.settings[name] for name in numbers},
        "choices": {name: trial.settings[name] for name in trial.drawn if name not in numbers},
        "epochs": trial.epochs,
        "datasets": {Path(source).stem: {"fitness": fitness} for source in sources},
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
