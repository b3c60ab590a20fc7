"""Average precision: what perfect, shifted and missing boxes are worth, and that COCO's own code agrees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainables.vision.average_precision import Detections, Objects, _dataset, _results, average_precision

TRUTH = [
    Objects(np.array([[10.0, 10, 50, 50], [60, 20, 90, 80]], dtype=np.float32), np.array([0, 1])),
    Objects(np.array([[5.0, 5, 25, 45]], dtype=np.float32), np.array([0])),
]
NAMES = ("cow", "calf")


def shifted_truth(shift: float = 0.0) -> list[Detections]:
    return [
        Detections(objects.boxes + np.float32(shift), objects.classes, np.full(len(objects.classes), 0.9, np.float32))
        for objects in TRUTH
    ]


NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))


def test_perfect_boxes_are_worth_one() -> None:
    assert average_precision(TRUTH, shifted_truth(), NAMES) == pytest.approx(
        {"map50_95": 1.0, "map50": 1.0, "map75": 1.0, "map50_95/cow": 1.0, "map50_95/calf": 1.0}
    )


def test_shifted_boxes_are_worth_less_and_less() -> None:
    values = [average_precision(TRUTH, shifted_truth(shift), NAMES)["map50_95"] for shift in (0.0, 2.0, 4.0, 40.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0.0
    assert average_precision(TRUTH, shifted_truth(2.0), NAMES)["map50"] == pytest.approx(1.0)


def test_no_boxes_are_worth_nothing() -> None:
    assert set(average_precision(TRUTH, [NOTHING, NOTHING], NAMES).values()) == {0.0}


def test_a_class_without_an_object_is_left_out() -> None:
    metrics = average_precision(TRUTH[1:], shifted_truth()[1:], NAMES)
    assert metrics["map50_95"] == pytest.approx(1.0)
    assert "map50_95/calf" not in metrics


def test_without_any_object_there_is_no_average_precision() -> None:
    with pytest.raises(ValueError, match="no image holds an object"):
        average_precision([Objects(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))], [NOTHING], NAMES)


def test_what_is_found_in_a_crowd_counts_neither_way() -> None:
    crowd = np.array([[100, 100, 300, 300]], dtype=np.float32)
    truth = [Objects(*TRUTH[0][:2], crowd, np.array([0])), TRUTH[1]]
    cow, calf = ([110.0, 120, 140, 150, kind] for kind in (0, 1))

    def precision(truth: list[Objects], more: list[float]) -> dict[str, float]:
        boxes, kinds, scores = shifted_truth()[0]
        found_too = np.array([more[:4]], dtype=np.float32)
        first = np.concatenate((boxes, found_too)), np.append(kinds, int(more[4])), np.append(scores, np.float32(0.95))
        return average_precision(truth, [Detections(*first), shifted_truth()[1]], NAMES)

    assert precision(truth, cow)["map50_95"] == 1
    assert precision(truth, calf)["map50_95/calf"] < 1, "the crowd is of cows"
    assert precision(TRUTH, cow)["map50_95/cow"] < 1, "a false alarm without the crowd"


@pytest.mark.parametrize("guesses_each", [3, 60])  # 60: more than 100 of one class in an image
def test_it_is_what_pycocotools_computes(guesses_each: int) -> None:
    random = np.random.default_rng(0)
    truth, detected = [], []
    count = 4 * guesses_each
    for _ in range(12):
        corners = random.uniform(0, 60, size=(4, 2)).astype(np.float32)
        boxes = np.concatenate((corners, corners + random.uniform(8, 40, size=(4, 2)).astype(np.float32)), axis=1)
        crowd = np.array([[20, 20, 90, 90]], dtype=np.float32)
        truth.append(Objects(boxes, random.integers(0, 2, 4), crowd, random.integers(0, 2, 1)))
        guesses = boxes.repeat(guesses_each, axis=0) + random.normal(0, 3, size=(count, 4)).astype(np.float32)
        scores = random.uniform(size=count).astype(np.float32)
        detected.append(Detections(guesses, random.integers(0, 2, count), scores))
    dataset = COCO()
    dataset.dataset = _dataset(truth, NAMES) | {"info": {}}
    dataset.createIndex()
    theirs = COCOeval(dataset, dataset.loadRes(_results(detected)), "bbox")
    theirs.evaluate()
    theirs.accumulate()
    theirs.summarize()
    ours = average_precision(truth, detected, NAMES)
    assert [ours["map50_95"], ours["map50"], ours["map75"]] == pytest.approx(theirs.stats[:3].tolist(), abs=1e-9)
    assert 0.05 < ours["map50_95"] < 0.95
    assert math.isfinite(ours["map50_95/cow"])


def test_two_classes_of_one_name_would_share_a_number() -> None:
    with pytest.raises(ValueError, match="two classes are called 'cow'; every class needs its own name"):
        average_precision(TRUTH, shifted_truth(), ("cow", "cow"))
