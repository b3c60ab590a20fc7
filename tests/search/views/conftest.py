from __future__ import annotations

import pytest

from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.views.importance import Importance, importance
from tests.support.fakes import plan_of
from tests.support.workers import swept


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> SweepState:
    """A sweep that has ended: trial 0 is the baseline, 1 diverged, 2 won; the others were drawn."""
    folder = tmp_path_factory.mktemp("ended")
    (folder / "data.txt").write_text("1\n")
    enqueue = ["steady", "wild", "good"]
    plan = plan_of(
        folder,
        trials=12,
        preset="long",
        grace_epochs=3,
        enqueue=enqueue,
        confirm_top=1,
        confirm_seeds=2,
        audit=0.0,
    )
    coordinator = swept(plan, folder / "journal")
    coordinator.end(result(coordinator.state))
    return coordinator.state


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> SweepState:
    """A sweep of 24 trials, some lost, that has ended."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "data.txt").write_text("1\n")
    plan = plan_of(folder, trials=24, enqueue=["steady", "lost"], confirm_top=2, confirm_seeds=1, seed=3)
    coordinator = swept(plan, folder / "journal")
    coordinator.end(result(coordinator.state))
    return coordinator.state


@pytest.fixture(scope="session")
def important(state: SweepState) -> Importance:
    return importance(state)
