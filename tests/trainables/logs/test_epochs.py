"""Rows of a log as they come, and the epochs that they make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from trainables.errors import DataError
from trainables.logs.epochs import EpochRows, LogRow
from trainables.objective import Source


def rows_of(others: tuple[str, ...] = (), **source: Any) -> EpochRows:
    return EpochRows(["accuracy"], others, Source(csv="log.csv", **source))


def feed(rows: EpochRows, *batches: tuple[float | None, Mapping[str, float]], done: bool = False) -> list[Any]:
    """Add one row after the other; what became ready after each, as (epoch, accuracy)."""
    ready = []
    for epoch, values in batches:
        rows.add([LogRow(epoch, values)])
        ready.append([(row.epoch, row.values.get("accuracy")) for row in rows.ready()])
    if done:
        rows.finish()
        ready.append([(row.epoch, row.values.get("accuracy")) for row in rows.ready()])
    return ready


def test_an_epoch_is_ready_with_its_row() -> None:
    assert feed(rows_of(), (1, {"accuracy": 0.1}), (2, {"accuracy": 0.2})) == [[(1, 0.1)], [(2, 0.2)]]


def test_epochs_from_zero_are_counted_from_one() -> None:
    assert feed(rows_of(), (0, {"accuracy": 0.1}), (1, {"accuracy": 0.2})) == [[(1, 0.1)], [(2, 0.2)]]
    assert feed(rows_of(first=0), (4, {"accuracy": 0.1}))[0][-1] == (5, 0.1)


def test_a_loss_in_a_row_of_its_own_is_waited_for() -> None:
    rows = rows_of(others=("loss",))
    ready = feed(rows, (1, {"accuracy": 0.1}), (1, {"loss": 3.0}), (2, {"accuracy": 0.2}), (3, {"loss": 1.0}))
    assert ready == [[], [(1, 0.1)], [], [(2, 0.2)]]


def test_of_rows_per_step_the_last_counts() -> None:
    batches = [(1, {"accuracy": 0.1}), (1, {"accuracy": 0.3}), (2, {"accuracy": 0.4}), (2, {"accuracy": 0.5})]
    assert feed(rows_of(rows="step"), *batches, done=True) == [[], [], [(1, 0.3)], [], [(2, 0.5)]]


def test_rows_per_step_that_were_not_declared_are_refused() -> None:
    rows = rows_of()
    with pytest.raises(DataError, match=r"accuracy of epoch 1 is given twice, 0.1 and 0.3; .*rows: step"):
        feed(rows, (1, {"accuracy": 0.1}), (1, {"accuracy": 0.3}))


@pytest.mark.parametrize("epoch", [math.nan, math.inf, 1.7e9])
def test_an_epoch_that_is_none_is_refused(epoch: float) -> None:
    with pytest.raises(DataError, match=r"epoch is (nan|inf|1\.7e\+09); it must be a number of at most 100,000"):
        feed(rows_of(), (epoch, {"accuracy": 0.1}))


def test_steps_are_counted_to_epochs() -> None:
    batches = [(99, {"accuracy": 0.1}), (200, {"accuracy": 0.2}), (299, {"accuracy": 0.3})]
    assert feed(rows_of(every=100), *batches) == [[(1, 0.1)], [(2, 0.2)], [(3, 0.3)]]


def test_fractions_belong_to_the_epoch_in_which_they_are() -> None:
    batches = [(0.5, {"loss": 2.0}), (0.99, {"accuracy": 0.1}), (1.98, {"accuracy": 0.2}), (3.004, {"accuracy": 0.3})]
    assert feed(rows_of(), *batches) == [[], [(1, 0.1)], [(2, 0.2)], [(3, 0.3)]]


def test_epochs_between_two_evaluations_are_not_evaluated() -> None:
    assert feed(rows_of(), (3, {"accuracy": 0.1})) == [[(1, None), (2, None), (3, 0.1)]]
    losses = [(1, {"loss": 3.0}), (2, {"loss": 2.0, "accuracy": 0.1}), (3, {"loss": 1.0}), (4, {"accuracy": 0.2})]
    assert feed(rows_of(), *losses) == [[], [(1, None), (2, 0.1)], [], [(3, None), (4, 0.2)]]


def test_a_late_metric_is_waited_for_as_long_as_declared() -> None:
    batches = [
        (1, {"loss": 3.0}),
        (2, {"loss": 2.0}),
        (1, {"accuracy": 0.1}),
        (3, {"loss": 1.0}),
        (2, {"accuracy": 0.2}),
    ]
    assert feed(rows_of(late=1), *batches) == [[], [], [(1, 0.1)], [], [(2, 0.2)]]
    undeclared = rows_of()
    assert feed(undeclared, *batches[:3]) == [[], [(1, None)], []]
    assert undeclared.too_late == "accuracy of epoch 1"


def test_rows_that_are_repeated_count_once() -> None:
    batches = [(1, {"accuracy": 0.1}), (1, {"accuracy": 0.1}), (2, {"accuracy": math.nan}), (2, {"accuracy": math.nan})]
    ready = feed(rows_of(), *batches)
    assert [[epoch for epoch, _ in at_once] for at_once in ready] == [[1], [], [2], []]


def resumed() -> EpochRows:
    seen = {1: {"accuracy": 0.1}, 2: {"accuracy": 0.2}}
    return EpochRows(["accuracy"], [], Source(csv="log.csv"), last=2, first=1, seen=seen, resumed=True)


def test_after_a_resume_repeated_rows_are_compared() -> None:
    rows = resumed()
    assert feed(rows, (2, {"accuracy": 0.2}), (3, {"accuracy": 0.3})) == [[], [(3, 0.3)]]
    assert rows.difference == ""
    rows = resumed()
    feed(rows, (1, {"accuracy": 0.15}), (2, {"accuracy": 0.25}))
    assert rows.difference == "accuracy of epoch 1 was 0.1, and then 0.15"


def test_a_script_that_begins_again_is_told_from_one_that_writes_its_table_anew() -> None:
    again, anew = resumed(), resumed()
    feed(again, (1, {"accuracy": 0.1}), (2, {"accuracy": 0.2}))
    anew.add([LogRow(epoch, {"accuracy": epoch / 10}) for epoch in (1, 2, 3)])
    assert again.began_again
    assert not anew.began_again


def test_rows_without_a_number_are_counted() -> None:
    batches = [(None, {"loss": 1.0}), (None, {"accuracy": 0.1}), (None, {"accuracy": 0.2})]
    assert feed(rows_of(), *batches) == [[], [(1, 0.1)], [(2, 0.2)]]


def test_what_is_there_at_the_end_is_complete() -> None:
    assert feed(rows_of(others=("loss",)), (1, {"accuracy": 0.1}), done=True) == [[], [(1, 0.1)]]


def of_events(others: tuple[str, ...] = (), **source: Any) -> EpochRows:
    return EpochRows(["accuracy"], others, Source(tensorboard="events", **source))


def test_a_name_that_counts_steps_makes_no_epochs_of_one_that_counts_epochs() -> None:
    """`add_scalar("loss", loss, step)` beside `add_scalar("accuracy", accuracy, epoch)`, as many scripts log."""
    rows = of_events()
    steps = [(step, {"loss": 1.0}) for step in range(200_000, 200_000 + 3)]
    batches = [*steps, (1, {"accuracy": 0.1}), *steps, (2, {"accuracy": 0.2})]
    ready = feed(rows, *batches)
    assert [each for each in ready if each] == [[(1, 0.1)], [(2, 0.2)]]
    assert rows.seen == {1: {"accuracy": 0.1}, 2: {"accuracy": 0.2}}, "the value of a step is none of an epoch"


def test_a_row_of_hyperparameters_is_no_first_epoch() -> None:
    """Lightning logs `hp_metric` at step 0."""
    assert feed(of_events(), (0, {"hp_metric": -1.0}), (1, {"accuracy": 0.1}), (2, {"accuracy": 0.2})) == [
        [],
        [(1, 0.1)],
        [(2, 0.2)],
    ]


def test_other_names_that_count_epochs_are_of_their_epoch() -> None:
    rows = of_events(others=("loss",))
    rows.add([LogRow(epoch, {name: epoch / 10}) for epoch in (1, 2) for name in ("f1", "loss", "accuracy", "recall")])
    assert [(each.epoch, each.values) for each in rows.ready()] == [
        (epoch, dict.fromkeys(("f1", "loss", "accuracy", "recall"), epoch / 10)) for epoch in (1, 2)
    ]


def test_a_row_before_the_first_epoch_tells_nothing_after_a_resume() -> None:
    rows = resumed()
    feed(rows, (0, {"loss": 1.0}), (1, {"accuracy": 0.1}), (3, {"accuracy": 0.3}))
    assert not rows.began_again
