from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.control.audit import audit, due, wilson
from search.journal.events import Decided, Row, TrialStarted
from search.state.outcome import finalist_numbers
from search.state.sweep_state import SweepState
from tests.support.fakes import plan_of
from tests.support.workers import swept


def test_a_share_of_the_stopped_trials_is_trained_to_its_end(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=20, preset="long", audit=0.25, confirm_top=1, seed=1)
    state = swept(plan, tmp_path / "journal").state
    stopped = [trial for trial in state.trials.search if not trial.finished]
    assert len(state.trials.audits) == len(stopped) // 4 > 0
    for of, again in state.trials.audits.items():
        original = state.trials[of]
        assert again.finished
        assert not original.finished
        assert again.started.settings == original.started.settings, "the seed too"
        assert again.curve.points[: original.curve.epoch] == original.curve.points, "the same training up to its stop"


def test_the_share_is_not_rounded_down_by_the_error_of_a_product(data: Path) -> None:
    assert 0.29 * 100 < 29
    state = SweepState(plan_of(data, trials=100, audit=0.29))
    for number in range(100):
        state.apply(Row(0, 0.0, TrialStarted(number, "search", number, "", number, {}, {})))
        state.apply(Row(0, 0.0, Decided(number, 0, "stop", "diverging", "")))
    while (of := due(state)) is not None:
        state.apply(Row(0, 0.0, TrialStarted(len(state.trials), "audit", of, "", of, {}, {})))
    assert len(state.trials.audits) == 29


def test_audited_trials_neither_win_nor_count_for_the_search(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=20, preset="long", confirm_top=1, seed=1)
    plain = swept(plan_of(data, trials=20, preset="long", confirm_top=1, seed=1, audit=0.0), tmp_path / "plain").state
    audited = swept(plan_of(data, trials=20, preset="long", confirm_top=1, seed=1, audit=1.0), tmp_path / "all").state
    assert not plain.trials.audits
    assert len(audited.trials.audits) == sum(not trial.finished for trial in audited.trials.search)
    assert finalist_numbers(audited) == finalist_numbers(plain)
    assert audited.epochs == plain.epochs
    assert plan.spec.audit == 0.05


def test_a_trial_lost_for_good_is_audited_without_being_stopped_again(data: Path, tmp_path: Path) -> None:
    plan = plan_of(data, trials=2, set={"epochs": 9, "nan_at": 2}, audit=1.0, scheduler="none", confirm_top=0)
    state = swept(plan, tmp_path / "journal").state
    assert {trial.decision.reason for trial in state.trials.search if trial.decision} == {"nonfinite"}
    assert [again.curve.epoch for again in state.trials.audits.values()] == [9, 9]
    assert audit(state).audited == 2


def test_a_late_riser_was_stopped_wrongly(data: Path, tmp_path: Path) -> None:
    plan = plan_of(
        data, trials=12, preset="long", audit=1.0, scheduler="stopping", grace_epochs=1, confirm_top=0, seed=2
    )
    state = swept(plan, tmp_path / "journal").state
    audited = audit(state)
    assert audited.audited == len(state.trials.audits)
    late = [again for of, again in state.trials.audits.items() if again.started.settings["shape"] == "slow"]
    assert (
        audited.wrong >= len([decision for decision in late if state.trials[decision.started.of].curve.epoch == 1]) > 0
    )
    assert audited.low > 0.1


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (1, 1, 0.207, 1)]
)
def test_wilsons_interval(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-3)


@given(st.integers(1, 1000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilsons_interval_is_that_of_his_formula(counts: tuple[int, int]) -> None:
    hits, trials = counts
    share, z2 = hits / trials, NormalDist().inv_cdf(0.975) ** 2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    assert wilson(hits, trials) == pytest.approx((max(0.0, centre - half), min(1.0, centre + half)), abs=1e-12)


@given(st.integers(1, 1000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_an_interval_holds_its_share(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials + 1e-12
    assert hits / trials - 1e-12 <= high <= 1
