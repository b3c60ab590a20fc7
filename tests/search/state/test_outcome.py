"""Which finalist is handed back: fresh seeds count for more than the search; nothing worse than the baseline wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.state.outcome import BestCheckpoint, Finalist, best_checkpoint, finalists, ranked, result
from search.sweep.folder import SweepFolder
from tests.support.fakes import plan_of, spec_of
from tests.support.told import Story, write_checkpoint
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


@pytest.fixture
def story(data: Path) -> Story:
    return Story(data, confirm_top=2, confirm_seeds=2)


def test_without_a_finished_trial_there_is_no_winner(story: Story) -> None:
    assert result(story.state).trial == -1
    story.trial([0.9], reason="collapsed")
    story.trial([0.9], reason="diverging")
    story.trial([0.9], reason="budget")
    story.trial([0.9], reason="")
    ended = result(story.state)
    assert ended.trial == -1
    assert ended.detail == "no trial trained to its end, so there is no best configuration"


def test_why_there_is_no_winner_although_trials_trained_to_their_end(data: Path, tmp_path: Path) -> None:
    limits = {"epoch_seconds": {"high": 0.5}}  # each epoch takes a second
    ended = result(swept(plan_of(data, trials=3, scheduler="none", limits=limits), tmp_path / "limits").state)
    reason = "all 3 trials with a result break the limits on epoch_seconds"
    assert (ended.trial, ended.detail) == (-1, f"{reason}, so there is no best configuration")
    never = {"first_value_at": 9}  # after the last epoch
    ended = result(swept(plan_of(data, trials=3, scheduler="none", set=never), tmp_path / "never").state)
    assert (ended.trial, ended.detail) == (-1, "no trial has a finite score, so there is no best configuration")


def test_the_winner_has_the_best_mean_over_fresh_seeds_not_the_luckiest_run(story: Story) -> None:
    lucky, steady = story.trial([0.9]), story.trial([0.8])
    for value in (0.9, 0.3):
        story.trial([value], of=lucky)
    for value in (0.7, 0.8):
        story.trial([value], of=steady)
    assert story.order() == [steady, lucky]
    ended = result(story.state)
    assert ended.trial == steady
    assert ended.numbers == pytest.approx({"mean": 0.75, "std": 0.0707107, "seeds": 2.0, "last": 0.75})
    assert ended.detail == "score 0.7500 ± 0.0707 over 2 fresh seeds"


def test_a_configuration_that_was_lost_on_a_fresh_seed_comes_last(story: Story) -> None:
    fragile, plain = story.trial([0.9]), story.trial([0.5])
    story.trial([0.95], of=fragile)
    story.trial([0.1], of=fragile, reason="diverging")
    story.trial([0.5], of=plain)
    story.trial([0.5], of=plain)
    assert story.order() == [plain, fragile]
    assert finalists(story.state)[1].failed == 1


def test_one_that_was_lost_on_every_fresh_seed_comes_after_all(story: Story) -> None:
    broken, plain = story.trial([0.9]), story.trial([0.1])
    for _ in range(2):
        story.trial([0.1], of=broken, reason="nonfinite")
    story.trial([0.1], of=plain, reason="diverging")
    story.trial([0.1], of=plain)
    assert story.order() == [plain, broken]


def test_a_confirmation_that_the_budget_cut_short_does_not_count(story: Story) -> None:
    first = story.trial([0.9])
    story.trial([0.1], of=first, reason="budget")
    (finalist,) = finalists(story.state)
    assert (finalist.values, finalist.failed, finalist.confirmed) == ((0.9,), 0, False)
    assert result(story.state).detail == "score 0.9000 (one training, not confirmed)"


def test_without_confirmation_the_best_trial_of_the_search_wins(data: Path) -> None:
    story = Story(data, confirm_top=0)
    story.trial([0.5])
    best = story.trial([0.7])
    assert result(story.state).trial == best


def test_of_a_metric_to_minimise_the_lowest_mean_wins(data: Path) -> None:
    story = Story(data, recipe="tests.support.fakes:Errors", confirm_top=2, confirm_seeds=1)
    worse, better = story.trial([0.5]), story.trial([0.9])
    story.trial([0.5], of=worse)
    story.trial([0.9], of=better)
    assert story.order() == [better, worse]
    assert result(story.state).numbers["mean"] == pytest.approx(0.1)


def test_the_level_counts_not_the_peak(data: Path) -> None:
    story = Story(data, confirm_top=0)
    story.trial([0.1, 0.9, 0.2, 0.2])
    steady = story.trial([0.5, 0.5, 0.5, 0.5])
    assert result(story.state).trial == steady


@pytest.fixture
def folder(tmp_path: Path, data: Path) -> SweepFolder:
    return SweepFolder.create(tmp_path / "sweeps", spec_of(data))


def test_the_best_checkpoint_is_the_best_on_disk_of_all_its_trainings(story: Story, folder: SweepFolder) -> None:
    first = story.trial([0.3, 0.9, 0.5])
    again = story.trial([0.6, 0.7], of=first)
    other = story.trial([0.95])
    write_checkpoint(folder, other, 1)
    assert best_checkpoint(story.state, first, folder) is None
    write_checkpoint(folder, first, 3)
    path = write_checkpoint(folder, again, 2)
    assert best_checkpoint(story.state, first, folder) == BestCheckpoint(story.state.trials[again], 2, path, 0.7)


def test_the_best_checkpoint_is_of_the_epoch_that_the_objective_names(story: Story, folder: SweepFolder) -> None:
    trial = story.trial([0.1, 0.9, 0.2, 0.5, 0.8, 0.7])
    paths = {epoch: write_checkpoint(folder, trial, epoch) for epoch in range(1, 7)}
    named = story.state.trials[trial].curve.reached
    assert named is not None
    assert best_checkpoint(story.state, trial, folder) == BestCheckpoint(
        story.state.trials[trial], named.epoch, paths[5], 0.8
    )


def test_a_training_that_was_stopped_wins_by_its_best_checkpoint(data: Path, folder: SweepFolder) -> None:
    story = Story(data, confirm_top=0)
    story.trial([0.5] * 6)
    lost = story.trial([0.7, 0.9, 0.8, 0.1], reason="nonfinite")
    path = write_checkpoint(folder, lost, 2)
    ended = result(story.state)
    assert ended.trial == lost
    assert ended.numbers["mean"] == pytest.approx(0.8)
    assert best_checkpoint(story.state, lost, folder) == BestCheckpoint(story.state.trials[lost], 2, path, 0.9)


def test_a_confirmation_that_was_lost_after_its_best_epochs_counts_by_them(story: Story) -> None:
    first = story.trial([0.9] * 4)
    story.trial([0.8, 0.8, 0.8, 0.1], of=first, reason="diverging")
    story.trial([0.6] * 4, of=first)
    (finalist,) = finalists(story.state)
    assert finalist.values == pytest.approx((0.8, 0.6))
    assert (finalist.stopped, finalist.failed) == (1, 0)


def test_checkpoints_of_lost_trainings_are_not_handed_out_where_the_end_counts(data: Path, folder: SweepFolder) -> None:
    story = Story(data, objective="last")
    lost = story.trial([0.9] * 4, reason="diverging")
    write_checkpoint(folder, lost, 1)
    assert result(story.state).trial == -1
    assert best_checkpoint(story.state, lost, folder) is None
