"""Which trial starts next."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.journal.segments import read
from tests.support.fakes import plan_of
from tests.support.workers import Workers, coordinator_of, swept

INSIDE, OUTSIDE = ["steady", "slow", "shallow"], "good"
"""Named trainings whose quality lies inside the range that the test gives, and one whose does not."""


@pytest.mark.parametrize("seen", [6, 7, 8, 12])
def test_a_resumed_search_has_learnt_from_the_same_trials_however_many_are_named(
    data: Path, tmp_path: Path, seen: int
) -> None:
    enqueue = [*INSIDE, *INSIDE, OUTSIDE, OUTSIDE, *INSIDE, OUTSIDE, *INSIDE, *INSIDE][:seen]
    plan = plan_of(
        data,
        trials=seen,
        sampler="rank_gp",
        set={"quality": {"high": 0.7}},
        enqueue=enqueue,
        confirm_top=0,
        audit=0.0,
    )
    unbroken = swept(plan, tmp_path / "journal", Workers(places=1))
    restored = coordinator_of(plan, tmp_path / "journal", Workers())
    restored.restore(read(tmp_path / "journal"))
    models = [coordinator.searcher.model for coordinator in (unbroken, restored)]
    assert models[0] is not None
    assert models[1] is not None
    assert models[0]._fitted_at == models[1]._fitted_at
    assert models[0]._members == models[1]._members
