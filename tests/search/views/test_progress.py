"""The lines that a sweep prints where there is no terminal."""

from __future__ import annotations

from pathlib import Path

from search.journal.events import Decided, EpochDone, Row, TrialStarted
from search.state.sweep_state import SweepState
from search.views.progress import event_line
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of


def test_every_start_epoch_and_decision_has_a_line(data: Path, tmp_path: Path) -> None:
    lines: dict[type, list[str]] = {}

    def listen(row: Row, state: SweepState) -> None:
        lines.setdefault(type(row.event), []).append(event_line(row, state))

    workers = Workers()
    plan = plan_of(data, trials=12, preset="long", enqueue=["steady", "lost"], audit=0.0)
    coordinator = coordinator_of(plan, tmp_path / "journal", workers, listen)
    coordinator.open(2)
    workers.run(coordinator)
    assert lines[TrialStarted][1].startswith("trial 1 lost starts: quality=0.9 ")
    assert lines[EpochDone][0] == "trial 0 epoch 1/27: score 0.5188, training loss 1, 1.0 s"
    decisions = [line for line in lines[Decided] if line.startswith("trial 0 ")]
    assert decisions[0].startswith("trial 0 continued after epoch 1 (rung): ranked 1 of 1 at the epoch-1 rung: ")
    assert decisions[-1] == "trial 0 ended after epoch 27 (done): trained all 27 epochs"
    assert any(" was paused after epoch 3 (rung): " in line for line in lines[Decided])
    assert any(" was stopped after epoch 2 (nonfinite): " in line for line in lines[Decided])
