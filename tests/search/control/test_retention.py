from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from search.control.retention import StoredCheckpoint, surplus

GB = 1e9
ROOMY = 1e15


def stored(
    trial: int,
    epoch: int,
    value: float | None,
    *,
    configuration: int | None = None,
    newest: bool = False,
    lost: bool = False,
    pending: bool = False,
) -> StoredCheckpoint:
    rating = None if value is None else (value, value)
    of = trial if configuration is None else configuration
    return StoredCheckpoint(trial, epoch, of, rating, 100, newest, lost, pending)


def stay(
    checkpoints: list[StoredCheckpoint], keep: int = 1, room: float = ROOMY, finalists: frozenset[int] = frozenset()
) -> set[tuple[int, int]]:
    doomed = surplus(checkpoints, keep, room, finalists)
    return {(checkpoint.trial, checkpoint.epoch) for checkpoint in checkpoints if checkpoint not in doomed}


def test_nothing_on_disk_is_nothing_to_delete() -> None:
    assert surplus([], 3, GB) == []


def test_the_best_checkpoint_of_the_best_few_configurations_stays() -> None:
    checkpoints = [stored(0, 1, 0.5), stored(0, 2, 0.6), stored(1, 1, 0.9), stored(2, 1, 0.7), stored(3, 1, 0.1)]
    assert stay(checkpoints, keep=3) == {(1, 1), (2, 1), (0, 2)}


def test_of_equals_the_earlier_one_stays() -> None:
    assert stay([stored(0, 1, 0.5), stored(0, 2, 0.5)]) == {(0, 1)}


def test_trainings_of_one_configuration_count_once() -> None:
    checkpoints = [stored(0, 1, 0.9), stored(7, 1, 0.8, configuration=0), stored(1, 1, 0.5)]
    assert stay(checkpoints, keep=2) == {(0, 1), (1, 1)}


def test_the_newest_of_a_running_trial_stays_to_resume_from() -> None:
    checkpoints = [
        stored(0, 1, 0.9),
        stored(1, 1, 0.2),
        stored(1, 2, 0.1, newest=True),
        stored(2, 1, None, newest=True),
    ]
    assert stay(checkpoints) == {(0, 1), (1, 2), (2, 1)}


def test_checkpoints_that_are_never_handed_back_go_however_good_they_were() -> None:
    assert stay([stored(0, 1, 0.9, lost=True), stored(1, 1, 0.1)], keep=2) == {(1, 1)}


def test_of_a_running_trial_the_checkpoint_stays_that_the_next_epochs_may_make_the_best() -> None:
    checkpoints = [stored(0, 1, 0.9), stored(1, 3, 0.4, pending=True), stored(1, 4, 0.3, newest=True)]
    assert stay(checkpoints) == {(0, 1), (1, 3), (1, 4)}
    assert stay(checkpoints, room=250) == {(0, 1), (1, 4)}


def test_a_checkpoint_without_a_value_goes() -> None:
    assert stay([stored(0, 1, None), stored(0, 2, -5.0)]) == {(0, 2)}


def test_negative_values_are_compared_as_they_are() -> None:
    """Values are oriented: a metric to minimise is negated."""
    assert stay([stored(0, 1, -0.3), stored(1, 1, -0.1), stored(2, 1, -0.2)]) == {(1, 1)}
    assert stay([stored(0, 1, -0.1), stored(0, 2, 0.0)]) == {(0, 2)}


def test_what_does_not_fit_goes_worst_first() -> None:
    checkpoints = [stored(0, 1, 0.9), stored(1, 1, 0.8), stored(2, 1, 0.7)]
    assert stay(checkpoints, keep=3, room=250) == {(0, 1), (1, 1)}


def test_the_best_and_what_running_trials_need_stay_even_if_they_do_not_fit() -> None:
    checkpoints = [stored(0, 1, 0.9), stored(1, 1, 0.8), stored(2, 1, 0.1, newest=True), stored(3, 1, 0.0, newest=True)]
    assert stay(checkpoints, keep=2, room=10) == {(0, 1), (2, 1), (3, 1)}


def test_a_running_trials_newest_takes_room_once() -> None:
    checkpoints = [stored(0, 1, 0.9, newest=True), stored(1, 1, 0.8)]
    assert stay(checkpoints, keep=2, room=200) == {(0, 1), (1, 1)}


def test_finalists_come_before_better_ones_that_are_not_confirmed() -> None:
    checkpoints = [stored(0, 1, 0.9), stored(1, 1, 0.2), stored(2, 1, 0.1)]
    assert stay(checkpoints, keep=1, finalists=frozenset({1})) == {(1, 1)}


def test_every_finalist_keeps_one_even_if_they_are_more_than_asked_for() -> None:
    checkpoints = [stored(0, 1, 0.9), stored(1, 1, 0.2), stored(2, 1, 0.1)]
    assert stay(checkpoints, keep=1, finalists=frozenset({0, 1, 2})) == {(0, 1), (1, 1), (2, 1)}


CHECKPOINTS = st.lists(
    st.builds(
        StoredCheckpoint,
        trial=st.integers(0, 5),
        epoch=st.integers(1, 5),
        configuration=st.integers(0, 3),
        rating=st.none() | st.tuples(st.floats(-10, 10), st.floats(-10, 10)),
        bytes=st.integers(0, 1000),
        newest=st.booleans(),
        lost=st.booleans(),
        pending=st.just(False),
    ),
    max_size=20,
    unique_by=lambda checkpoint: (checkpoint.trial, checkpoint.epoch),
)


@given(CHECKPOINTS, st.integers(1, 4), st.floats(0, 5000), st.frozensets(st.integers(0, 3)))
def test_what_is_kept_is_needed_and_what_is_needed_is_kept(
    checkpoints: list[StoredCheckpoint], keep: int, room: float, finalists: frozenset[int]
) -> None:
    doomed = surplus(checkpoints, keep, room, finalists)
    stays = [checkpoint for checkpoint in checkpoints if checkpoint not in doomed]
    results = [stay for stay in stays if not stay.newest]
    assert all(checkpoint in checkpoints for checkpoint in doomed)
    assert not any(checkpoint.newest for checkpoint in doomed)
    assert all(result.rating is not None and not result.lost for result in results)
    assert len({result.configuration for result in results}) == len(results) <= max(keep, len(finalists))
    if len(results) > 1:
        assert sum(stay.bytes for stay in stays) <= room + max(result.bytes for result in results)


@given(CHECKPOINTS, st.integers(1, 4), st.floats(0, 5000))
def test_the_best_value_of_a_sound_trial_is_always_on_disk(
    checkpoints: list[StoredCheckpoint], keep: int, room: float
) -> None:
    sound = [checkpoint.rating for checkpoint in checkpoints if checkpoint.rating is not None and not checkpoint.lost]
    doomed = surplus(checkpoints, keep, room)
    remaining = [
        checkpoint.rating
        for checkpoint in checkpoints
        if checkpoint not in doomed and checkpoint.rating is not None and not checkpoint.lost
    ]
    assert max(sound, default=None) == max(remaining, default=None)


@given(CHECKPOINTS, st.integers(1, 4), st.floats(0, 5000))
def test_deleting_again_finds_nothing_more(checkpoints: list[StoredCheckpoint], keep: int, room: float) -> None:
    doomed = surplus(checkpoints, keep, room)
    assert surplus([checkpoint for checkpoint in checkpoints if checkpoint not in doomed], keep, room) == []
