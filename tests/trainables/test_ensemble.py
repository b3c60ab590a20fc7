"""Several models as one predictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from trainables.ensemble import ensemble
from trainables.recipe import Predictor


def says(stand: float) -> Predictor:
    def predict(clips: Sequence[Any]) -> list[dict[str, Any]]:
        return [{"label": "", "scores": {"stand": stand, "fall": 1 - stand}} for _ in clips]

    return predict


def finds(*boxes: tuple[float, float, float, float], score: float) -> Predictor:
    def predict(pictures: Sequence[Any]) -> list[dict[str, Any]]:
        corners = np.array(boxes, dtype=np.float32)
        return [{"boxes": corners, "scores": np.full(len(boxes), score), "labels": ["cow"] * len(boxes)}] * len(
            pictures
        )

    return predict


def test_of_a_class_as_a_whole_the_probabilities_are_averaged() -> None:
    first, second = ensemble([says(0.9), says(0.2), says(0.1)])(["clip", "clip"])
    assert first == second
    assert first["scores"] == pytest.approx({"stand": 0.4, "fall": 0.6})
    assert first["label"] == "fall"


def test_boxes_are_merged_picture_by_picture() -> None:
    answers = ensemble([finds((0, 0, 10, 10), score=0.8), finds((0, 0, 10, 10), score=0.6)])(["a.png", "b.png"])
    assert [answer["scores"].tolist() for answer in answers] == [pytest.approx([0.7])] * 2


def test_one_model_alone_answers_as_before() -> None:
    alone = finds((0, 0, 10, 10), (50, 0, 60, 10), score=0.8)
    (answer,), (expected,) = ensemble([alone])(["a.png"]), alone(["a.png"])
    assert answer["boxes"].tolist() == expected["boxes"].tolist()
    assert answer["scores"] == pytest.approx(expected["scores"])
