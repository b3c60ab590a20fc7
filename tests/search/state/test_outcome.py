"""Which finalist is handed back: fresh seeds count for more than the search; nothing worse than the baseline wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.state.outcome import Finalist, finalists, ranked
from tests.support.fakes import plan_of
from tests.support.workers import swept


@pytest.fixture
def pair(data: Path, journal: Path) -> dict[str, Finalist]:
    """The baseline and another finalist, each confirmed with the value .5."""
    coordinator = swept(plan_of(data, trials=6, confirm_top=2, confirm_seeds=2), journal)
    confirmed = [
        replace(finalist, values=(0.5,), failed=0, confirmed=True) for finalist in finalists(coordinator.state)
    ]
    baseline = next(finalist for finalist in confirmed if finalist.trial.is_baseline)
    return {"baseline": baseline, "other": next(finalist for finalist in confirmed if finalist is not baseline)}


def winner(baseline: Finalist, other: Finalist) -> str:
    return "baseline" if ranked([other, baseline])[0] is baseline else "other"


@pytest.mark.parametrize(
    ("baseline", "other", "expected"),
    [
        ((0.6, True), (0.5, True), "baseline"),
        ((0.5, True), (0.6, True), "other"),
        # The budget left no time to confirm the other one: its value is the best of many.
        ((0.5, True), (0.9, False), "baseline"),
        # ... or the baseline, whose value in the search is that of one training that nobody chose.
        ((0.6, False), (0.5, True), "baseline"),
        ((0.5, False), (0.6, True), "other"),
        # ... or either.
        ((0.5, False), (0.6, False), "other"),
    ],
)
def test_the_winner(
    pair: dict[str, Finalist], baseline: tuple[float, bool], other: tuple[float, bool], expected: str
) -> None:
    given = [
        replace(pair[name], values=(value,), confirmed=confirmed)
        for name, (value, confirmed) in (("baseline", baseline), ("other", other))
    ]
    assert winner(*given) == expected


def test_what_failed_on_every_fresh_seed_is_last(pair: dict[str, Finalist]) -> None:
    assert winner(replace(pair["baseline"], values=(0.9,), confirmed=False, failed=2), pair["other"]) == "other"
