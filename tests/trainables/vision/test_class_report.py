"""The report of a classifier."""

from __future__ import annotations

import numpy as np
import pytest

from trainables.vision.class_report import class_report
from trainables.vision.predictions import ClassPredictions


def test_it_counts_and_names_the_surest_mistake_first() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.8, 0.2, 0.0], [0.3, 0.7, 0.0]])
    report = class_report(ClassPredictions(("sit", "stand", "fall"), np.array([0, 0, 1, 1]), scores))
    assert report.confusion == ((1, 1, 0), (1, 1, 0), (0, 0, 0))
    assert report.metrics["accuracy"] == 0.5
    assert [row.name for row in report.classes] == ["sit", "stand"], "nothing falls"
    assert [mistake.example for mistake in report.mistakes[:2]] == [2, 1]
    assert report.mistakes[0].caption == "is stand, taken for sit (80%)"
    assert report.mistakes[0].cost == pytest.approx(0.8)
    assert report.mistakes[-1].cost == 0


def test_beside_its_metrics_stand_those_of_guessing() -> None:
    scores = np.eye(2)[[0, 0, 0, 0]]
    report = class_report(ClassPredictions(("stand", "fall"), np.array([0, 0, 0, 1]), scores))
    assert report.metrics == pytest.approx(report.guesses["majority class"]), "this model answers nothing else"
    assert report.guesses["random, by class frequency"]["accuracy"] == pytest.approx(0.75**2 + 0.25**2)
