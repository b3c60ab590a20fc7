"""Whether MLflow has exactly what a sweep's journal has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from search.journal.events import EpochDone, TrialStarted
from search.journal.segments import read
from search.sweep.folder import SweepFolder


@dataclass(frozen=True)
class Difference:
    """Runs, and points of metrics, that MLflow lacks or has twice. All zero: journal and MLflow agree."""

    journal_points: int
    journal_twice: int
    missing_runs: int
    surplus_runs: int
    missing_points: int
    surplus_points: int

    @property
    def none(self) -> bool:
        wrong = (self.journal_twice, self.missing_runs, self.surplus_runs, self.missing_points, self.surplus_points)
        return not any(wrong)


def difference(root: Path, name: str, store: str) -> Difference:
    """Compare every metric of every epoch in the journal with its history in `store`."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(store)
    trials: set[int] = set()
    expected: Counter[tuple[int, str, int]] = Counter()
    for row in read(SweepFolder(root, name).journal):
        if isinstance(row.event, TrialStarted):
            trials.add(row.event.trial)
        elif isinstance(row.event, EpochDone):
            expected.update((row.event.trial, metric, row.event.epoch) for metric in row.event.metrics)
    metrics = {metric for _, metric, _ in expected}
    runs: Counter[int] = Counter()
    points: Counter[tuple[int, str, int]] = Counter()
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id], max_results=5000):
            tags = run.data.tags
            if tags.get("steadytune.sweep", "").startswith(f"{name}@") and tags.get("steadytune.kind") != "sweep":
                trial = int(tags["steadytune.trial"])
                runs[trial] += 1
                for metric in metrics & run.data.metrics.keys():
                    history = client.get_metric_history(run.info.run_id, metric)
                    points.update((trial, metric, point.step) for point in history)
    once = Counter(dict.fromkeys(expected, 1))
    return Difference(
        journal_points=len(expected),
        journal_twice=expected.total() - len(expected),
        missing_runs=len(trials - runs.keys()),
        surplus_runs=runs.total() - len(trials & runs.keys()),
        missing_points=(once - points).total(),
        surplus_points=(points - once).total(),
    )
