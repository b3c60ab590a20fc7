"""Boxes of several detectors as one list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.vision.merged_boxes import merged_boxes

LEFT, RIGHT = (0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)
SHIFTED = (0.0, 0.0, 10.0, 9.0)
"""An IoU of 0.9 with `LEFT`."""


def answer(*rows: tuple[tuple[float, float, float, float], float, str], **others: Any) -> dict[str, Any]:
    boxes, scores, labels = zip(*rows, strict=True) if rows else ((), (), ())
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return {"boxes": corners, "scores": np.array(scores, dtype=np.float32), "labels": list(labels), **others}


def test_an_object_has_the_weighted_mean_of_its_boxes_and_the_mean_of_the_scores() -> None:
    merged = merged_boxes([answer((SHIFTED, 0.5, "cow")), answer((LEFT, 0.9, "cow")), answer((LEFT, 0.7, "cow"))])
    assert merged["boxes"].tolist() == [pytest.approx([0, 0, 10, (9 * 0.5 + 10 * 0.9 + 10 * 0.7) / 2.1])]
    assert merged["scores"] == pytest.approx([0.7])
    assert merged["labels"] == ["cow"]


def test_a_box_without_an_area_or_a_score_stays_where_it_is() -> None:
    point = (5.0, 5.0, 5.0, 5.0)
    merged = merged_boxes([answer((point, 0.8, "cow")), answer((RIGHT, 0.0, "cow"))])
    assert merged["boxes"].tolist() == [list(point), list(RIGHT)]
    assert merged["scores"] == pytest.approx([0.4, 0.0])


def test_what_one_detector_alone_finds_counts_less_than_what_all_agree_on() -> None:
    merged = merged_boxes([answer((LEFT, 0.6, "cow"), (RIGHT, 0.9, "cow")), answer((LEFT, 0.6, "cow")), answer()])
    assert merged["boxes"].tolist() == [list(LEFT), list(RIGHT)]
    assert merged["scores"] == pytest.approx([0.4, 0.3])


def test_boxes_of_different_classes_stay_apart() -> None:
    merged = merged_boxes([answer((LEFT, 0.8, "cow")), answer((LEFT, 0.6, "calf"))])
    assert dict(zip(merged["labels"], merged["scores"].tolist(), strict=True)) == pytest.approx(
        {"cow": 0.4, "calf": 0.3}
    )


def test_two_boxes_of_one_detector_on_one_object_count_once() -> None:
    merged = merged_boxes([answer((LEFT, 0.8, "cow"), (SHIFTED, 0.7, "cow")), answer((LEFT, 0.6, "cow"))])
    assert merged["scores"] == pytest.approx([0.7])


def test_masks_and_key_points_stay_with_their_boxes() -> None:
    first = answer((RIGHT, 0.5, "cow"), masks=[np.zeros((3, 2))], keypoints=np.zeros((1, 4, 3)))
    second = answer((LEFT, 0.9, "cow"), masks=[np.ones((5, 2))], keypoints=np.ones((1, 4, 3)))
    merged = merged_boxes([answer(), first, second])
    assert [len(mask) for mask in merged["masks"]] == [5, 3]
    assert merged["keypoints"].shape == (2, 4, 3)
    assert merged["keypoints"][0].all()


def test_pictures_in_which_nobody_finds_anything_stay_empty() -> None:
    merged = merged_boxes([answer(), answer()])
    assert (merged["boxes"].shape, merged["scores"].shape, merged["labels"]) == ((0, 4), (0,), [])


BOXES = st.lists(
    st.tuples(
        st.tuples(*[st.floats(0, 20, width=32)] * 2).map(lambda corner: (*corner, corner[0] + 10, corner[1] + 10)),
        st.floats(0, 1, width=32),
        st.sampled_from(["cow", "calf"]),
    ),
    max_size=5,
)


@given(st.lists(BOXES, min_size=1, max_size=4))
def test_whatever_is_found_the_scores_fall_and_are_never_above_the_surest(answers: list[Any]) -> None:
    merged = merged_boxes([answer(*rows) for rows in answers])
    scores = merged["scores"].tolist()
    assert scores == sorted(scores, reverse=True)
    assert len(merged["boxes"]) == len(scores) == len(merged["labels"]) <= sum(map(len, answers))
    assert all(0 <= score <= max(row[1] for rows in answers for row in rows) + 1e-6 for score in scores)
