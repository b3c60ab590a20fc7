"""What guessing reaches, beside scikit-learn's and beside counting."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.metrics import f1_score, precision_score, recall_score

from trainables.slowfast.metrics import accuracy
from trainables.vision.guessing import MAJORITY, RANDOM, guesses, macro, mean_class_accuracy

TRAIN, VAL = np.array([54, 20, 0, 6, 10, 4, 6]), np.array([30, 10, 4, 0, 8, 2, 6])


def labels(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize(("name", "strategy"), [(MAJORITY, "most_frequent"), (RANDOM, "stratified")])
def test_it_is_what_scikit_learns_dummy_reaches_on_average(name: str, strategy: str) -> None:
    guess, truth = guesses(TRAIN, VAL)[name], labels(VAL)
    draws = []
    for seed in range(300 if strategy == "stratified" else 1):
        dummy = DummyClassifier(strategy=strategy, random_state=seed).fit(np.zeros((100, 1)), labels(TRAIN))
        scores = np.eye(len(TRAIN))[dummy.predict(np.zeros((len(truth), 1)))]
        draws.append(accuracy(scores, truth, "abcdefg"))
    means = {metric: np.mean([draw[metric] for draw in draws]) for metric in ("top1", "mean_class_accuracy")}
    assert guess.top1 == pytest.approx(means["top1"], abs=0.01)
    assert mean_class_accuracy(guess.table) == pytest.approx(means["mean_class_accuracy"], abs=0.01)


def test_precision_recall_and_f1_are_scikit_learns_on_the_same_table() -> None:
    table = np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]])
    truth, guessed = np.repeat([0, 0, 1, 1], [3, 1, 2, 2]), np.repeat([0, 1, 0, 1], [3, 1, 2, 2])
    expected = {
        name: score(truth, guessed, average="macro", labels=[0, 1])
        for name, score in {"precision": precision_score, "recall": recall_score, "f1": f1_score}.items()
    }
    assert macro(table.astype(float)) == pytest.approx(expected)


def test_the_first_five_of_the_majority_guess_are_the_five_most_frequent_classes() -> None:
    assert guesses(TRAIN, VAL)[MAJORITY].top5 == pytest.approx(54 / 60), "class 3 is as frequent as 6, and first"


def test_five_different_random_guesses_hit_more_often_than_one_and_never_a_class_without_examples() -> None:
    guess = guesses(TRAIN, VAL)[RANDOM]
    assert guess.top1 < guess.top5 < 1 - 4 / 60 + 1e-9
    five = guesses(np.array([1, 1, 1, 1, 0]), np.array([1, 0, 0, 0, 1]))[RANDOM]
    assert five.top5 == 0.5


def test_equally_frequent_classes_are_in_five_of_ten_guesses_half_of_the_time() -> None:
    even = np.full(10, 7)
    assert guesses(even, even)[RANDOM].top5 == pytest.approx(0.5, abs=0.01)
