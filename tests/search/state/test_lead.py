"""How sure a sweep's result is."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy import stats

from search.state.lead import lead, learnt_nothing
from search.state.outcome import Finalist
from search.state.sweep_state import SweepState
from tests.support.fakes import plan_of
from tests.support.workers import swept


def finalist(state: SweepState, number: int, *values: float, confirmed: bool = True) -> Finalist:
    return Finalist(state.trials[number], values, 0, confirmed, trainings=())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> SweepState:
    folder = tmp_path_factory.mktemp("lead")
    (folder / "data.txt").write_text("1\n")
    return swept(plan_of(folder, trials=4, confirm_top=0), folder / "journal").state


def test_the_margin_is_that_of_students_test(state: SweepState) -> None:
    first, second = finalist(state, 1, 0.61, 0.64, 0.62), finalist(state, 0, 0.60, 0.59, 0.61)
    compared = lead(first, second, [first, second])
    low, high = stats.ttest_ind(first.values, second.values).confidence_interval(0.95)
    assert compared.gain == pytest.approx((low + high) / 2)
    assert compared.margin == pytest.approx((high - low) / 2)


def test_all_finalists_tell_how_far_seeds_differ(state: SweepState) -> None:
    first, second = finalist(state, 1, 0.61, 0.63), finalist(state, 0, 0.58, 0.60)
    alone = lead(first, second, [first, second])
    third = finalist(state, 2, 0.50, 0.5001)
    together = lead(first, second, [first, second, third])
    assert alone.margin is not None
    assert together.margin is not None
    assert alone.within_noise
    assert together.margin < alone.margin


def test_a_lead_of_one_training_each_is_not_known_to_be_any(state: SweepState) -> None:
    first, second = finalist(state, 1, 0.61), finalist(state, 0, 0.60)
    compared = lead(first, second, [first, second])
    assert (compared.margin, compared.seeds, compared.within_noise) == (None, None, False)
    unconfirmed = finalist(state, 2, 0.5, 0.6, confirmed=False)
    assert lead(unconfirmed, second, [unconfirmed, second]).margin is None


def test_it_says_how_many_seeds_would_tell(state: SweepState) -> None:
    first, second = finalist(state, 1, 0.61, 0.63), finalist(state, 0, 0.59, 0.61)
    compared = lead(first, second, [first, second])
    assert compared.within_noise
    assert compared.seeds is not None
    deviation = stats.tstd(first.values)
    for seeds in (compared.seeds - 1, compared.seeds):
        margin = stats.t.ppf(0.975, 2 * (seeds - 1)) * deviation * (2 / seeds) ** 0.5
        assert (compared.gain > margin) == (seeds == compared.seeds)
    far, near = finalist(state, 1, 0.60, 0.64), finalist(state, 0, 0.60, 0.6399)
    assert lead(far, near, [far, near]).seeds is None, "no sensible number of seeds would tell"


@pytest.mark.parametrize(
    ("quality", "bounds", "expected"), [(0.015, True, True), (0.2, True, False), (0.015, False, False)]
)
def test_a_sweep_in_which_nobody_learnt_anything_is_recognised(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: float, bounds: bool, expected: bool
) -> None:
    plan = plan_of(data, trials=3, enqueue=[], set={"quality": quality, "noise": 0.0}, confirm_top=0)
    if bounds:
        monkeypatch.setattr(type(plan.recipe), "bounds", {"score": (0.0, 1.0)})
    assert learnt_nothing(swept(plan, tmp_path / "journal").state) is expected
