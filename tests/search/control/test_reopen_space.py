"""A sweep goes on in another space: wider, narrower, or with a setting more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.control.coordinator import Coordinator
from search.control.reopen import extend
from search.journal.segments import read
from search.state.outcome import result
from search.sweep.folder import SweepFolder
from tests.support.fakes import spec_of
from tests.support.workers import Workers, coordinator_of, swept
from trainables.errors import SteadytuneError


def narrowed_study(coordinator: Coordinator) -> list[dict[str, Any]]:
    return [dict(trial.params) for trial in coordinator.searcher.study.trials]


def test_a_space_that_is_widened_goes_on_with_all_trials(data: Path, tmp_path: Path) -> None:
    narrow = {"quality": {"low": 0.1, "high": 0.3}}
    spec = spec_of(data, trials=6, confirm_top=0, audit=0.0, sampler="tpe", set=narrow)
    folder = SweepFolder.create(tmp_path, spec)
    first = swept(folder.plan(), folder.journal)
    first.end(result(first.state))
    folder.change(trials=12, set={"quality": {"low": 0.1, "high": 0.9}})
    assert extend(folder.plan(), folder).ended is None
    resumed = coordinator_of(folder.plan(), folder.journal, Workers())
    resumed.restore(read(folder.journal))
    assert len(narrowed_study(resumed)) == 5  # all but the baseline, which is outside the narrow range
    resumed.open(2)
    Workers().run(resumed)
    drawn = [trial.started.settings["quality"] for trial in resumed.state.trials.search]
    assert max(drawn[1:6]) <= 0.3 < max(drawn[6:])
    assert len(narrowed_study(resumed)) == 11


def test_a_space_that_is_narrowed_goes_on_with_the_trials_inside(data: Path, tmp_path: Path) -> None:
    spec = spec_of(data, trials=8, confirm_top=0, audit=0.0, sampler="tpe")
    folder = SweepFolder.create(tmp_path, spec)
    first = swept(folder.plan(), folder.journal)
    first.end(result(first.state))
    folder.change(trials=14, set={"quality": {"low": 0.2, "high": 0.9}, "shape": "fast"})
    extend(folder.plan(), folder)
    resumed = coordinator_of(folder.plan(), folder.journal, Workers())
    resumed.restore(read(folder.journal))
    before = [trial.started.drawn for trial in resumed.state.trials.search]
    inside = [drawn for drawn in before if 0.2 <= drawn["quality"] <= 0.9 and drawn["shape"] == "fast"]
    assert 0 < len(inside) < 8
    assert [params["quality"] for params in narrowed_study(resumed)] == [drawn["quality"] for drawn in inside]
    resumed.open(2)
    Workers().run(resumed)
    later = [trial.started for trial in resumed.state.trials.search[8:]]
    assert len(later) == 6
    assert all(0.2 <= started.drawn["quality"] <= 0.9 and started.settings["shape"] == "fast" for started in later)
    again = coordinator_of(folder.plan(), tmp_path / "again", Workers())
    again.restore(read(folder.journal))
    assert narrowed_study(again) == narrowed_study(resumed)


def test_a_setting_is_added_to_the_space_on_the_way(data: Path, tmp_path: Path) -> None:
    spec = spec_of(data, trials=4, confirm_top=0, audit=0.0, sampler="tpe")
    folder = SweepFolder.create(tmp_path, spec)
    first = swept(folder.plan(), folder.journal)
    first.end(result(first.state))
    folder.change(trials=8, set={"first_value_at": [0, 1]})
    extend(folder.plan(), folder)
    resumed = coordinator_of(folder.plan(), folder.journal, Workers())
    resumed.restore(read(folder.journal))
    assert [params["first_value_at"] for params in narrowed_study(resumed)] == [0] * 4
    resumed.open(2)
    Workers().run(resumed)
    assert {trial.started.drawn["first_value_at"] for trial in resumed.state.trials.search[4:]} <= {0, 1}


def test_what_is_pinned_on_the_way_changes_no_training_that_is_repeated(data: Path, tmp_path: Path) -> None:
    spec = spec_of(data, trials=6, confirm_top=2, confirm_seeds=1, audit=1.0, preset="long")
    folder = SweepFolder.create(tmp_path, spec)
    first = swept(folder.plan(), folder.journal)
    first.end(result(first.state))
    folder.change(trials=8, confirm_top=4, confirm_seeds=2, set={"quality": 0.2})
    extend(folder.plan(), folder)
    resumed = coordinator_of(folder.plan(), folder.journal, Workers())
    resumed.restore(read(folder.journal))
    resumed.open(2)
    Workers().run(resumed)
    trials = resumed.state.trials
    later = [trial.started for number, trial in trials.items() if number >= len(first.state.trials)]
    repeated = [started for started in later if started.kind != "search"]
    assert {started.kind for started in repeated} == {"confirm", "audit"}
    assert {started.settings["quality"] for started in later if started.kind == "search"} == {0.2}
    for started in repeated:
        assert started.settings == {**trials[started.of].started.settings, "seed": started.seed}
    assert any(started.settings["quality"] != 0.2 for started in repeated)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"raise_at": 5}),
        ({"raise_at": 5}, {"raise_at": 6}),
        ({"raise_at": 5}, {}),
        ({}, {"epochs": 5}),
    ],
)
def test_what_all_trials_have_stays_as_it_is(
    data: Path, tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    folder = SweepFolder.create(tmp_path, spec_of(data, trials=2, confirm_top=0, audit=0.0, set=before))
    first = swept(folder.plan(), folder.journal)
    first.end(result(first.state))
    folder.change(trials=4, set=after)
    with pytest.raises(SteadytuneError, match=r"the sweep began with .*; all its trials have it"):
        extend(folder.plan(), folder)
