"""What users ask of a sweep by hand: added, stopped, promoted, paused; each once, whatever is killed in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState as StudyState

from search.cli.steering import sentence
from search.control.reopen import extend
from search.control.steering import answer
from search.journal.events import Requested
from search.journal.segments import read
from search.state.extension import taken_back
from search.state.outcome import result
from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.sweep.plan import Plan
from search.sweep.requests import Request, RequestBox
from tests.support.fakes import plan_of, spec_of
from tests.support.workers import Workers, coordinator_of, events, reasons


class Steered:
    """A sweep that runs in virtual time, with a box of requests."""

    def __init__(self, plan: Plan, folder: Path, places: int = 2) -> None:
        self.box = RequestBox(folder / "requests", listed_every=0)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = folder / "journal"
        self.workers = Workers(places=places)
        self.coordinator = coordinator_of(plan, self.journal, self.workers, requests=self.box)

    def begin(self, rounds: int = 0) -> Steered:
        self.coordinator.open(self.workers.places)
        for _ in range(rounds):
            self.workers.fill(self.coordinator)
            for trial in list(self.workers.running):
                self.workers.step(self.coordinator, trial)
        return self

    def ask(self, verb: Any, trial: int | None = None, **values: Any) -> Requested:
        """Leave a request, have it taken, and return the answer."""
        request = Request(verb, trial, values)
        self.box.put(request)
        self.coordinator.take_requests()
        return self.coordinator.state.requests[request.id]

    def end(self) -> SweepState:
        self.workers.run(self.coordinator)
        return self.coordinator.state


@pytest.fixture
def steered(data: Path, tmp_path: Path) -> Callable[..., Steered]:
    def make(places: int = 2, **fields: Any) -> Steered:
        fields = {"trials": 9, "confirm_top": 0, "audit": 0.0} | fields
        return Steered(plan_of(data, **fields), tmp_path / "steered", places)

    return make


def test_a_running_trial_that_is_stopped_takes_no_more_epochs(steered: Callable[..., Steered]) -> None:
    sweep = steered(preset="long", grace_epochs=3).begin(rounds=1)
    assert sweep.ask("stop", 1).accepted
    trial = sweep.coordinator.state.trials[1]
    assert trial.decision is not None
    assert (trial.decision.reason, trial.decision.detail) == ("by_hand", "stopped by hand")
    sweep.workers.step(sweep.coordinator, 1)
    assert 1 not in sweep.workers.running
    assert trial.curve.epoch == 1
    assert (1, 2) not in sweep.workers.disk.checkpoints
    sweep.end()
    study = sweep.coordinator.searcher.study.trials
    assert study[1].state is StudyState.PRUNED
    assert len(sweep.coordinator.state.trials.search) == 9


def test_a_trial_that_waits_for_a_worker_is_stopped_before_it_starts(
    steered: Callable[..., Steered], data: Path
) -> None:
    sweep = steered().begin(rounds=1)
    sweep.coordinator._journal.flush()
    resumed = coordinator_of(sweep.coordinator.plan, sweep.journal, sweep.workers, requests=sweep.box)
    resumed.restore(read(sweep.journal))
    sweep.box.put(Request("stop", 1))
    resumed.open(1)
    handed_out = [assignment.trial for _ in range(2) if (assignment := resumed.next())]
    assert handed_out == [0, 2]


def test_a_paused_trial_is_promoted_although_its_rung_waits(steered: Callable[..., Steered]) -> None:
    sweep = steered(preset="long", trials=8).begin(rounds=8)
    paused = next(iter(sweep.coordinator.state.trials.paused))
    assert sweep.ask("promote", paused).accepted
    decision = sweep.coordinator.state.trials[paused].decisions[-1]
    assert (decision.action, decision.reason) == ("continue", "by_hand")
    assert "promoted by hand" in decision.detail
    assignment = sweep.coordinator.next()
    assert assignment is not None
    assert assignment.trial == paused


def test_who_stops_a_trial_hears_of_its_worker_only_if_it_has_one(steered: Callable[..., Steered]) -> None:
    sweep = steered(preset="long", trials=8).begin(rounds=8)
    state = sweep.coordinator.state
    (paused, *_), (running, *_) = state.trials.paused, state.trials.running
    assert sentence(sweep.ask("stop", paused), state) == f"Trial {paused} is stopped; it was paused."
    assert sentence(sweep.ask("stop", running), state).startswith(
        f"Trial {running} is stopped; its worker is free after"
    )


def test_a_trial_is_added_on_top_of_the_others(steered: Callable[..., Steered]) -> None:
    sweep = steered().begin(rounds=1)
    assert sweep.ask("add", quality=0.9).detail == ""
    state = sweep.end()
    (added,) = (trial for trial in state.trials.search if trial.started.by_hand)
    assert added.started.settings["quality"] == added.started.drawn["quality"] == 0.9
    assert added.started.drawn.keys() >= {"quality", "shape", "depth"}
    assert len(state.trials.search) == 10
    assert len(sweep.coordinator.searcher.study.trials) == 10


def test_named_trainings_run_although_a_trial_was_added_first(steered: Callable[..., Steered]) -> None:
    sweep = steered(enqueue=["steady", "good"])
    sweep.box.put(Request("add", values={"quality": 0.9}))
    state = sweep.begin().end()
    assert [trial.started.named for trial in state.trials.search[:3]] == ["by hand", "steady", "good"]


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ({"quality": 0.001}, "quality is outside its range 0.01 … 1 (log)"),
        ({"quality": 0.5, "diverge_at": 3}, "diverge_at is not searched"),
    ],
)
def test_a_value_that_the_sampler_could_not_draw_is_trained_and_not_learnt_from(
    steered: Callable[..., Steered], values: dict[str, Any], note: str
) -> None:
    sweep = steered().begin(rounds=1)
    asked = sweep.ask("add", **values)
    assert asked.accepted
    assert asked.detail == f"{note}, so the sampler does not learn from the trial"
    (added,) = (trial for trial in sweep.end().trials.search if trial.started.by_hand)
    assert added.started.settings.items() >= values.items()
    assert not added.in_study


def test_a_seed_that_is_given_is_the_trials(steered: Callable[..., Steered]) -> None:
    sweep = steered().begin()
    assert sweep.ask("add", quality=0.5, seed=77).detail == ""
    (added,) = (trial for trial in sweep.end().trials.search if trial.started.by_hand)
    assert (added.started.seed, added.started.settings["seed"]) == (77, 77)


def test_a_stopped_sweep_starts_and_promotes_nothing_more(steered: Callable[..., Steered]) -> None:
    sweep = steered(trials=30, preset="long", confirm_top=1, confirm_seeds=2).begin(rounds=30)
    before = len(sweep.coordinator.state.trials)
    running = list(sweep.coordinator.state.trials.running)
    assert sweep.ask("stop").accepted
    state = sweep.end()
    assert len(state.trials.search) == before
    assert {reasons(sweep.coordinator)[number] for number in running} == {"by_hand"}
    assert state.search_ended is not None
    assert not state.trials.paused
    assert all(len(state.trials.confirmations(trial.number)) == 2 for trial in state.trials.ranking[:1])


def test_a_sweep_that_is_paused_goes_on_when_it_is_resumed(steered: Callable[..., Steered]) -> None:
    sweep = steered().begin(rounds=1)
    with pytest.raises(KeyboardInterrupt):
        sweep.ask("pause")
    resumed = coordinator_of(sweep.coordinator.plan, sweep.journal, sweep.workers, requests=sweep.box)
    resumed.restore(read(sweep.journal))
    sweep.workers.running.clear()
    resumed.open(2)
    sweep.workers.run(resumed)
    assert len(resumed.state.trials.search) == 9


def test_an_old_wish_to_pause_does_not_end_the_next_run(steered: Callable[..., Steered]) -> None:
    sweep = steered()
    sweep.box.put(Request("pause"))
    assert len(sweep.begin().end().trials.search) == 9
    (asked,) = events(sweep.journal, Requested)
    assert (asked.answer, asked.detail) == ("refused", "the sweep was not running")


REFUSED = {
    "no such trial": (Request("stop", 99), "no trial 99 in sweep sweep; it has trials 0 to"),
    "an ended trial": (Request("stop", 0), "trial 0 of sweep sweep has ended (done: trained to its last epoch)"),
    "a promoted ended trial": (Request("promote", 0), "nothing is left to promote"),
    "no setting": (Request("add"), "needs a setting, such as lr=1e-3"),
    "an unknown setting": (Request("add", values={"qualiti": 1}), "qualiti is no setting of curves; did you mean"),
    "a wrong value": (Request("add", values={"depth": 1.5}), "setting 'depth' is 1.5; it must be a whole number"),
    "a value out of its rule": (Request("add", values={"quality": 2}), "'quality' is 2; it must be at most 1"),
    "other epochs": (Request("add", values={"quality": 0.5, "epochs": 7}), "all trials of sweep sweep have 4 epochs"),
    "a pin": (Request("add", values={"noise": 0.05}), "noise is 0.05; set pins it to 0.0 in sweep sweep"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_refused_in_one_sentence(steered: Callable[..., Steered], case: str) -> None:
    sweep = steered(set={"noise": 0.0}, places=1).begin(rounds=6)
    request, words = REFUSED[case]
    asked = sweep.ask(request.verb, request.trial, **request.values)
    assert asked.answer == "refused"
    assert words in asked.detail
    assert "\n" not in asked.detail
    assert len(sweep.end().trials.search) == 9


def test_a_running_trial_is_not_promoted(steered: Callable[..., Steered]) -> None:
    sweep = steered().begin(rounds=1)
    assert "is running; only a paused trial is promoted" in sweep.ask("promote", 0).detail


def test_without_a_budget_nothing_is_added(steered: Callable[..., Steered]) -> None:
    sweep = steered(total_epochs=4).begin()
    sweep.end()
    assert "has used up its 4 epochs; resume it with more, such as --total-epochs 10" in (
        answer(Request("add", values={"quality": 0.5}), sweep.coordinator.state).detail
    )


def test_what_is_no_request_is_set_aside(steered: Callable[..., Steered]) -> None:
    sweep = steered().begin()
    sweep.ask("stop", 99)
    folder = sweep.journal.parent / "requests"
    for number, text in enumerate(["", "[]", '{"verb": "delete", "trial": 1, "values": {}}', '{"verb": "stop"}']):
        (folder / f"{number}.json").write_text(text)
    sweep.coordinator.take_requests()
    assert sorted(path.name for path in folder.iterdir()) == [f"{number}.unreadable" for number in range(4)]
    assert len(events(sweep.journal, Requested)) == 1


def test_a_sweep_that_has_ended_is_given_a_trial_by_hand(data: Path, tmp_path: Path) -> None:
    spec = spec_of(data, trials=4, confirm_top=1, confirm_seeds=1, audit=0.0)
    folder = SweepFolder.create(tmp_path / "sweeps", spec)
    sweep = Steered(folder.plan(), folder.path).begin()
    sweep.coordinator.end(result(sweep.end()))
    sweep.box.put(Request("add", values={"quality": 1.0, "shape": "fast", "depth": 1}))
    sweep.box.put(Request("stop", 0))
    state = extend(folder.plan(), folder)
    assert state.ended is None
    assert [asked.answer for asked in state.requests.values()] == ["accepted", "refused"]
    assert None in taken_back(read(sweep.journal)).values()
    resumed = coordinator_of(folder.plan(), sweep.journal, sweep.workers, requests=sweep.box)
    resumed.restore(read(sweep.journal))
    resumed.open(2)
    sweep.workers.run(resumed)
    ended = result(resumed.state)
    assert resumed.state.trials[ended.trial].started.by_hand
    assert len(resumed.state.trials.confirmations(ended.trial)) == 1
