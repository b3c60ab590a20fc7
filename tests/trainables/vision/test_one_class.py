from __future__ import annotations

import numpy as np

from trainables.vision.average_precision import Detections, Objects
from trainables.vision.one_class import one_class

NAMES = ("cow", "calf")


def detections(*pairs: tuple[int, float]) -> Detections:
    boxes = np.zeros((len(pairs), 4), dtype=np.float32)
    return Detections(boxes, np.array([kind for kind, _ in pairs]), np.array([score for _, score in pairs]))


def objects(*kinds: int) -> Objects:
    return Objects(np.zeros((len(kinds), 4), dtype=np.float32), np.array(kinds))


def test_one_class_where_there_are_two_is_told() -> None:
    assert one_class([detections((0, 0.9), (1, 0.1)), detections((0, 0.3))], [objects(0), objects(1)], NAMES) == (
        "All detections with a score of 0.25 or more are of class 'cow', although the held-out pictures hold 2 classes"
    )


def test_both_classes_no_class_and_a_single_one_are_not() -> None:
    truth = [objects(0, 1)]
    assert one_class([detections((0, 0.9), (1, 0.25))], truth, NAMES) == ""
    assert one_class([detections((0, 0.2))], truth, NAMES) == ""
    assert one_class([detections((0, 0.9))], [objects(0, 0)], NAMES) == ""
