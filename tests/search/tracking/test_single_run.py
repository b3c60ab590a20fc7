"""A training that is recorded as a run does not wait for a store that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from search.journal.events import EpochDone
from search.pruning.curve import Curve, Point

pytestmark = pytest.mark.e2e  # imports MLflow

EPOCH_SECONDS, ANSWER_SECONDS = 10.0, 42.0


class StandingStore:
    """Time, and a store that takes `ANSWER_SECONDS` to fail while it stands still."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        from search.tracking.experiment import Experiment

        self.seconds, self.waited, self.stands = 0.0, 0.0, False
        really = Experiment.log_metrics

        def log_metrics(experiment: Experiment, run: str, metrics: Sequence[Any]) -> None:
            if self.stands:
                self.seconds += ANSWER_SECONDS
                self.waited += ANSWER_SECONDS
                raise OSError("timed out")
            really(experiment, run, metrics)

        patch.setattr(Experiment, "log_metrics", log_metrics)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from tests.support.mlflow_store import private_store

    with private_store(tmp_path_factory.mktemp("mlflow")) as uri:
        yield uri


def test_a_store_that_stands_still_takes_a_small_share_of_the_training_and_gets_all_of_it_later(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.tracking.single_run import RETRY_SHARE, SingleRun

    standing = StandingStore(monkeypatch)
    run = SingleRun(store, "curves", "data", "", {"seed": 1}, clock=lambda: standing.seconds)
    curve, notes = Curve("max"), []
    for epoch in range(1, 301):
        standing.stands = 2 <= epoch <= 250
        standing.seconds += EPOCH_SECONDS
        done = EpochDone(0, epoch, "main", {"score": 0.5}, {}, {}, {"train": EPOCH_SECONDS})
        curve.add(Point.of(epoch, "score", done.metrics, done.losses, done.phase))
        notes.append(run.epoch(done, curve, "score"))
    assert 0 < standing.waited <= RETRY_SHARE * standing.seconds + ANSWER_SECONDS
    assert [note for note in notes if note] == ["MLflow does not answer (timed out); it gets what it missed later"]
    assert run.end("FINISHED", tmp_path) == ""
    history = run._experiment.client.get_metric_history(run._run, "score")
    assert [metric.step for metric in history] == list(range(1, 301))
