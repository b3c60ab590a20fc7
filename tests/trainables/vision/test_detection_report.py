"""The report of a detector: its numbers are Ultralytics' on the same predictions, and it names what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainables.model_report import ModelReport
from trainables.vision.average_precision import Detections, Objects
from trainables.vision.detection_report import confusion, detection_report
from trainables.vision.predictions import DetectionPredictions

NAMES = ("cow", "calf")


def objects(*rows: tuple[float, float, float, float, int]) -> Objects:
    table = np.array(rows, dtype=np.float32).reshape(-1, 5)
    return Objects(table[:, :4], table[:, 4].astype(np.int64))


def detections(*rows: tuple[float, float, float, float, int, float]) -> Detections:
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4].astype(np.int64), table[:, 5])


def predictions(*pictures: tuple[Objects, Detections], groups: tuple[str, ...] = ()) -> DetectionPredictions:
    truth, detected = zip(*pictures, strict=True)
    return DetectionPredictions(NAMES, truth, detected, groups or ("",) * len(pictures))


@pytest.fixture(scope="module")
def report() -> ModelReport:
    """A picture that is right, one with a miss, one with a calf taken for a cow and a sure false alarm."""
    right = objects((0, 0, 40, 40, 0)), detections((1, 0, 40, 40, 0, 0.9))
    missed = objects((0, 0, 200, 200, 1), (300, 0, 340, 40, 0)), detections((0, 0, 200, 198, 1, 0.9))
    wrong = objects((0, 0, 40, 40, 1)), detections((0, 0, 40, 40, 0, 0.9), (100, 100, 140, 140, 1, 0.95))
    return detection_report(predictions(right, missed, wrong, groups=("day", "day", "night")))


def test_the_worst_pictures_come_first(report: ModelReport) -> None:
    assert [mistake.example for mistake in report.mistakes] == [2, 1, 0]
    assert [mistake.caption for mistake in report.mistakes] == [
        "0 found, 1 missed, 2 false alarms",
        "1 found, 1 missed",
        "1 found",
    ]
    assert report.mistakes[1].misses == (1,)
    assert report.mistakes[0].false_alarms == (0, 1)
    assert report.mistakes[0].cost == pytest.approx(1 + 0.9 + 0.95)


def test_the_confusion_matrix_says_what_is_taken_for_what(report: ModelReport) -> None:
    assert report.confusion_names == ("cow", "calf", "background")
    assert report.confusion == ((1, 0, 1), (1, 1, 0), (0, 1, 0))


def test_objects_are_counted_by_class_size_and_group(report: ModelReport) -> None:
    assert {row.name: row.examples for row in report.classes} == {"cow": 2, "calf": 2}
    assert report.metrics["map50_95_large"] > 0.8, "the one large object is found"
    assert "map50_95_small" not in report.metrics, "40 x 40 pixels are more than 32 x 32"
    assert report.groups["day"]["pictures"] == 2
    assert report.groups["night"]["map50"] == 0


def test_what_is_found_in_a_crowd_counts_neither_way() -> None:
    crowd = np.array([[100, 100, 300, 300]], dtype=np.float32)
    rows = (0, 0, 40, 40, 0, 0.9), (110, 110, 150, 150, 0, 0.95)
    truth = Objects(*objects((0, 0, 40, 40, 0))[:2], crowd, np.array([0]))
    report = detection_report(predictions((truth, detections(*rows)), (objects((0, 0, 40, 40, 1)), detections())))
    (cow, _) = report.classes
    assert (cow.precision, cow.recall, cow.values["map50_95"]) == pytest.approx((1, 1, 1))
    assert report.confusion[2] == (0, 0, 0)
    assert [mistake.caption for mistake in report.mistakes] == ["0 found, 1 missed", "1 found"]
    calves = Objects(*truth[:3], np.array([1]))
    report = detection_report(predictions((calves, detections(*rows)), (objects((0, 0, 40, 40, 1)), detections())))
    assert [mistake.false_alarms for mistake in report.mistakes] == [(), (1,)], (
        "a cow in a crowd of calves is none of them"
    )


def test_a_score_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    pictures = [(objects((0, 0, 40, 40, 0)), detections((0, 0, 40, 40, 0, 0.75)))] * 3
    pictures += [(objects((0, 0, 40, 40, 0)), detections((100, 0, 140, 40, 0, 0.75)))]
    report = detection_report(predictions(*pictures))
    assert [(bin_.score, bin_.right, bin_.count) for bin_ in report.calibration] == [(0.75, 0.75, 4)]
    assert report.calibration_error == pytest.approx(0)


def test_a_model_that_finds_nothing_has_a_report() -> None:
    report = detection_report(predictions((objects((0, 0, 40, 40, 0)), detections())))
    assert report.metrics["map50_95"] == report.metrics["recall"] == 0
    assert report.confusion == ((0, 0, 1), (0, 0, 0), (0, 0, 0))
    assert report.calibration_error is None


def disturbed(objects_of_image: Any, classes: int, random: np.random.Generator) -> dict[str, Any]:
    """What a middling detector might predict of `objects_of_image`, as Ultralytics' validator has them."""
    import torch

    boxes, kinds = objects_of_image["bboxes"].numpy(), objects_of_image["cls"].numpy()
    is_kept = random.random(len(boxes)) > 0.2
    shifted = boxes[is_kept] + random.normal(0, 1, (int(is_kept.sum()), 4))
    flipped = np.where(random.random(len(shifted)) < 0.15, (kinds[is_kept] + 1) % classes, kinds[is_kept])
    corner = random.uniform(0, 40, (2, 2))
    boxes = np.vstack([shifted, np.hstack([corner, corner + 20])]).astype(np.float32)
    scores = np.sort(random.uniform(0.05, 1, len(boxes)))[::-1].copy().astype(np.float32)
    kinds = np.concatenate([flipped, random.integers(0, classes, 2)]).astype(np.float32)
    named = {"bboxes": boxes, "cls": kinds, "conf": scores, "extra": np.zeros((len(boxes), 0), np.float32)}
    return {name: torch.from_numpy(values) for name, values in named.items()}


@pytest.mark.e2e
def test_its_numbers_are_those_of_ultralytics_val_on_the_same_predictions(tmp_path: Path) -> None:
    """Ultralytics' own `val` counts predictions that are put in the place of its model's, and so does the report."""
    from trainables import registry
    from trainables.ultralytics_import import isolated

    with isolated():
        from ultralytics import YOLO
        from ultralytics.models.yolo.detect import DetectionValidator
    recipe = registry.find("ultralytics")
    data = recipe.sample(tmp_path / "samples")
    settings = recipe.settings("tiny", {"epochs": 1})
    (tmp_path / "run").mkdir()
    for _ in recipe.train(settings, recipe.open(data), tmp_path / "run"):
        pass
    truth: list[Objects] = []
    detected: list[Detections] = []
    random = np.random.default_rng(0)

    class Recording(DetectionValidator):  # type: ignore[misc]
        def update_metrics(self, preds: Any, batch: Any) -> None:
            for index in range(len(preds)):
                objects_of_image = self._prepare_batch(index, batch)
                preds[index] = predicted = disturbed(objects_of_image, len(self.names), random)
                truth.append(
                    Objects(objects_of_image["bboxes"].numpy(), objects_of_image["cls"].numpy().astype(np.int64))
                )
                parts = predicted["cls"].numpy().astype(np.int64), predicted["conf"].numpy()
                detected.append(Detections(predicted["bboxes"].numpy(), *parts))
            super().update_metrics(preds, batch)

    model = YOLO(tmp_path / "run" / "weights" / "best.pt")
    folder = {"project": str(tmp_path), "name": "val"}
    theirs = model.val(
        validator=Recording, conf=0.25, data=str(data), imgsz=settings.imgsz, plots=True, workers=0, **folder
    )
    predictions = DetectionPredictions(tuple(model.names.values()), tuple(truth), tuple(detected), ("",) * len(truth))
    assert np.array(confusion(predictions, 0.25)).T.tolist() == theirs.confusion_matrix.matrix.astype(int).tolist()
    ours = detection_report(predictions)
    assert 0.3 < theirs.box.map50 < 0.95, "all right or all wrong would prove nothing"
    for row, precision, recall, f1 in zip(ours.classes, theirs.box.p, theirs.box.r, theirs.box.f1, strict=True):
        assert (row.precision, row.recall, row.f1) == pytest.approx((precision, recall, f1), abs=1e-3)
    chosen = np.linspace(0, 999, 101).round().astype(int)
    curves = {"precision": theirs.box.p_curve, "recall": theirs.box.r_curve, "f1": theirs.box.f1_curve}
    for name, values in curves.items():
        for row, curve in zip(ours.classes, values, strict=True):
            assert ours.curves[name][row.name] == pytest.approx(curve[chosen].tolist(), abs=1e-3)
    assert ours.metrics["map50"] == pytest.approx(theirs.box.map50, abs=0.03), "another interpolation"
