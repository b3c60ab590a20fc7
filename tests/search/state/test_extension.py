"""Which changes of a description give an ended sweep more to do, and which of its decisions are taken back."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from search.journal.events import Decided, EpochDone, Event, Row, SweepExtended, TrialStarted
from search.state.extension import changes, continues, gives_more
from search.state.sweep_state import SweepState
from search.state.trial_state import TrialState
from search.sweep.spec import SweepSpec
from tests.support.fakes import plan_of
from trainables.errors import SteadytuneError


def test_which_changes_give_a_sweep_more() -> None:
    assert gives_more({"trials": [10, 11]})
    assert gives_more({"hours": [1.0, None]})
    assert gives_more({"total_epochs": [100, 200], "workers": [2, 1]})
    assert not gives_more({"trials": [10, 9]})
    assert not gives_more({"hours": [None, 2.0]})
    assert not gives_more({"workers": [1, 2]})


def test_the_searchs_epochs_have_two_names_and_a_scripts_epochs_are_no_budget() -> None:
    def spec(**fields: Any) -> SweepSpec:
        return SweepSpec(**{"name": "sweep", "recipe": "yolox", "data": "."} | fields)

    def dump(spec: SweepSpec) -> dict[str, Any]:
        return spec.model_dump(mode="json", exclude_none=True)

    assert changes(dump(spec(epochs=90)), spec(total_epochs=90)) == {}
    assert changes(dump(spec(epochs=90)), spec(epochs=90, total_epochs=200)) == {"total_epochs": [90, 200]}
    assert gives_more({"total_epochs": [90, 200]})
    script: dict[str, Any] = {"recipe": "command", "command": ["train"], "epochs": 30}
    assert changes(dump(spec(**script)), spec(**script, total_epochs=500)) == {"total_epochs": [None, 500]}
    with pytest.raises(SteadytuneError, match="epochs is 60, but the sweep began with 30"):
        changes(dump(spec(**script)), spec(**script | {"epochs": 60}))


def test_trials_are_taken_back_without_a_comparison_with_each_other(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 10,000 trials most end paused, and whoever reads the sweep takes them back: comparing them took a minute."""
    plan = plan_of(data, trials=30, confirm_top=0)
    state, seqs = SweepState(plan), count(1)

    def apply(*events: Event) -> None:
        for event in events:
            state.apply(Row(next(seqs), 0.0, event))

    for number in range(30):
        apply(TrialStarted(number, "search", number, "", number, {}, {"epochs": 4}))
        done = (EpochDone(number, epoch, "main", {"score": number / 100}, {}, {}, {}, bytes=1) for epoch in (1, 2, 3))
        apply(*done, Decided(number, 3, "pause", "rung", "", {"rung": 3}))
    apply(*(Decided(number, 3, "stop", "rung", "", {"rung": 3}) for number in range(1, 30)))
    assert len(state.trials.ranking) == 29

    def compared(trial: TrialState, other: object) -> bool:
        raise AssertionError(f"trial {trial.number} was compared")

    monkeypatch.setattr(TrialState, "__eq__", compared)
    apply(SweepExtended({"trials": [30, 40]}))
    assert list(state.trials.paused) == [0, *range(1, 30)]
    assert not state.trials.ranking


def test_which_ends_are_no_verdict() -> None:
    paused = Decided(0, 2, "pause", "rung", "")
    assert continues([paused, Decided(0, 2, "stop", "rung", "")])
    assert continues([Decided(0, 7, "stop", "budget", "")])
    assert not continues([Decided(0, 2, "stop", "rung", "")]), "stopped by the scheduler `stopping`"
    assert not continues([paused, Decided(0, 2, "continue", "rung", ""), Decided(0, 5, "stop", "done", "")])
    assert not continues([paused])
    assert not continues([])
