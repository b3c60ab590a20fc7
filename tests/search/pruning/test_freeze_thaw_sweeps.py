"""Whole sweeps with `scheduler: freeze_thaw`, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.state.sweep_state import SweepState
from search.sweep.plan import make_plan
from search.sweep.requests import Request, RequestBox
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of
from trainables.errors import SettingsError


def swept(plan: Any, journal: Path, places: int = 2) -> SweepState:
    workers = Workers(places=places)
    coordinator = coordinator_of(plan, journal, workers)
    coordinator.open(places)
    workers.run(coordinator)
    return coordinator.state


def test_a_sweep_ends_with_all_trials_ended_and_no_more_epochs_than_asha(data: Path, tmp_path: Path) -> None:
    taken = {}
    for scheduler in ("asha", "freeze_thaw"):
        fields = {"trials": 40, "preset": "long", "confirm_top": 0, "audit": 0, "seed": 1, "sampler": "tpe"}
        plan = plan_of(data, **fields, scheduler=scheduler)
        state = swept(plan, tmp_path / scheduler)
        assert not state.trials.running
        assert not state.trials.paused
        assert {trial.decision.reason for trial in state.trials.search if trial.decision} >= {"done", "rung"}
        taken[scheduler] = state.epochs
    assert taken["freeze_thaw"] <= taken["asha"] + 2 * plan.max_epochs


def test_it_finds_what_is_good_in_fewer_epochs_than_drawing_at_random(data: Path, tmp_path: Path) -> None:
    """The metric rises to `quality`, one of four parameters: eight seeds."""

    def best(**policy: Any) -> float:
        plan = plan_of(data, trials=30, preset="long", confirm_top=0, audit=0, enqueue=[], **policy)
        state = swept(plan, tmp_path / f"{policy}")
        return max(trial.curve.smoothed_value or 0.0 for trial in state.trials.search if trial.finished)

    ours = [best(scheduler="freeze_thaw", sampler="tpe", seed=seed) for seed in range(8)]
    blind = [best(sampler="random", seed=seed) for seed in range(8)]
    assert sum(mine > theirs for mine, theirs in zip(ours, blind, strict=True)) >= 6
    assert min(ours) > 0.9


def test_each_decision_says_what_was_promised_and_by_how_many(data: Path, journal: Path) -> None:
    state = swept(
        plan_of(data, trials=12, preset="long", confirm_top=0, sampler="tpe", scheduler="freeze_thaw"), journal
    )
    compared = [decision for trial in state.trials.search for decision in trial.decisions if decision.reason == "rung"]
    for decision in compared:
        assert decision.numbers["peers"] >= decision.numbers["rank"] >= 1
        assert decision.action != "continue" or decision.numbers["rank"] == 1 or "baseline" in decision.detail
    assert (
        " (200 of them new configurations) at the epoch-3 rung: upper confidence bound of score " in compared[0].detail
    )


@pytest.mark.parametrize("values", [{"nan_at": 1}, {"quality": 0.5}])
def test_trials_that_are_added_by_hand_come_on_top_of_the_others(
    data: Path, journal: Path, tmp_path: Path, values: dict[str, Any]
) -> None:
    """Added at once, they start before all others."""
    plan = plan_of(data, trials=4, preset="long", scheduler="freeze_thaw", sampler="rank_gp", confirm_top=0, enqueue=[])
    requests, workers = RequestBox(tmp_path / "requests", listed_every=0.0), Workers()
    for _ in range(4):
        requests.put(Request("add", values=values))
    coordinator = coordinator_of(plan, journal, workers, requests=requests)
    coordinator.open(2)
    workers.run(coordinator)
    assert len(coordinator.state.trials.search) == 4 + 4


@pytest.mark.parametrize(
    "field",
    [{"sampler": "gp"}, {"limits": {"epoch_seconds": {"high": 1}}}],
)
def test_what_it_would_not_heed_is_refused(data: Path, field: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"^{next(iter(field))} .*, but scheduler: freeze_thaw .*; leave .* out"):
        make_plan(plan_of(data, sampler="tpe", scheduler="freeze_thaw").spec.model_copy(update=field))
