"""A metric far below 0.0001, such as an error of 3e-6, can be read wherever a sweep is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from search.journal.events import Row
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.views.explain import explanation
from search.views.html_comparison import comparison
from search.views.html_report import sweep_page
from search.views.importance import importance
from search.views.live_view import best_line
from search.views.markdown import run_description
from search.views.progress import event_line
from search.views.summary import summary
from tests.support.fakes import Curves, CurveSettings, plan_of
from tests.support.terminal import lines_of
from tests.support.workers import Workers, coordinator_of
from trainables.recipe import Epoch

epoch_of = Curves.epoch


def tiny(recipe: Curves, settings: CurveSettings, number: int) -> Epoch:
    """The fake recipe's epoch with an error of millionths."""
    epoch = epoch_of(recipe, settings, number)
    return replace(epoch, metrics={"error": 1e-5 * (1.2 - epoch.metrics["score"])})


@pytest.fixture
def texts(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is shown of a sweep that minimises such an error, meanwhile and at its end."""
    monkeypatch.setattr(Curves, "epoch", tiny)
    plan = plan_of(data, trials=12, preset="long", grace_epochs=3, metric={"name": "error", "mode": "min"}, audit=0.0)
    parts: list[str] = []

    def listen(row: Row, state: SweepState) -> None:
        parts.extend((event_line(row, state), best_line(state)))

    workers = Workers()
    coordinator = coordinator_of(plan, tmp_path / "journal", workers, listen=listen)
    coordinator.open(workers.places)
    workers.run(coordinator)
    state = coordinator.state
    coordinator.end(result(state))
    parts += [line for trial in state.trials.values() for line in explanation(state, trial, every_epoch=True)]
    parts += lines_of(summary(state, SweepFolder(tmp_path, "sweep")))
    parts += [
        run_description(state, importance(state)),
        re.sub(r"<script(?! type='application/json').*?</script>", "", sweep_page(state, "sweep"), flags=re.S),
    ]
    parts += [cell for row in comparison({"sweep": state}).rows for cell in row]
    return parts


def test_no_value_is_shown_as_zero(texts: list[str]) -> None:
    text = "\n".join(texts)
    assert re.findall(r"(?<![\d.])0\.0000(?!\d).{,40}", text) == []
    assert re.search(r"error \d\.\d+e-06 ± \d", text)
    assert re.search(r"\+\d(\.\d+)?e-06 against the baseline", text)
    assert re.search(r"projected error \d\.\d+e-06, cutoff \d\.\d+e-06", text)
    assert re.search(r"metric trend -\d\.\d+e-\d\d per epoch", text)
