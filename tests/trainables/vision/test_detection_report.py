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
    assert [mistake.said for mistake in report.mistakes] == [
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


def test_a_score_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    pictures = [(objects((0, 0, 40, 40, 0)), detections((0, 0, 40, 40, 0, 0.75)))] * 3
    pictures += [(objects((0, 0, 40, 40, 0)), detections((100, 0, 140, 40, 0, 0.75)))]
    report = detection_report(predictions(*pictures))
    assert [(each.score, each.right, each.count) for each in report.calibration] == [(0.75, 0.75, 4)]
    assert report.calibration_error == pytest.approx(0)


def test_a_model_that_finds_nothing_has_a_report() -> None:
    report = detection_report(predictions((objects((0, 0, 40, 40, 0)), detections())))
    assert report.metrics["map50_95"] == report.metrics["recall"] == 0
    assert report.confusion == ((0, 0, 1), (0, 0, 0), (0, 0, 0))
    assert report.calibration_error is None


@pytest.mark.e2e
def test_its_numbers_are_those_of_ultralytics_val_on_the_same_predictions(tmp_path: Path) -> None:
    """Ultralytics' own validator counts while it validates; its predictions and labels are then reported here."""
    from trainables import registry
    from trainables.ultralytics_import import isolated

    with isolated():
        from ultralytics import YOLO
        from ultralytics.models.yolo.detect import DetectionValidator
    recipe = registry.find("ultralytics")
    data = recipe.sample(tmp_path / "samples")
    settings = recipe.settings("tiny", {"epochs": 8})
    (tmp_path / "run").mkdir()
    for _ in recipe.train(settings, recipe.open(data), tmp_path / "run"):
        pass
    pictures: list[tuple[Objects, Detections]] = []

    class Recording(DetectionValidator):  # type: ignore[misc]
        def update_metrics(self, preds: Any, batch: Any) -> None:
            for index, pred in enumerate(preds):
                there, said = self._prepare_batch(index, batch), self._prepare_pred(pred)
                truth = Objects(there["bboxes"].numpy(), there["cls"].numpy().astype(np.int64))
                parts = said["bboxes"].numpy(), said["cls"].numpy().astype(np.int64), said["conf"].numpy()
                pictures.append((truth, Detections(*parts)))
            super().update_metrics(preds, batch)

    best = tmp_path / "run" / "weights" / "best.pt"
    model = YOLO(best)
    arguments = {"data": str(data), "imgsz": settings.imgsz, "plots": True, "project": str(tmp_path), "name": "val"}
    theirs = model.val(validator=Recording, conf=0.25, verbose=False, workers=0, **arguments)
    at_a_quarter = DetectionPredictions(
        tuple(model.names.values()), *zip(*pictures, strict=True), ("",) * len(pictures)
    )
    assert np.array(confusion(at_a_quarter, 0.25)).T.tolist() == theirs.confusion_matrix.matrix.astype(int).tolist()
    pictures.clear()
    theirs = model.val(validator=Recording, conf=0.001, verbose=False, workers=0, **arguments)
    found = DetectionPredictions(tuple(model.names.values()), *zip(*pictures, strict=True), ("",) * len(pictures))
    ours = detection_report(found)
    assert theirs.box.map50 > 0.05, "a model that finds nothing would prove nothing"
    for row, precision, recall, f1 in zip(ours.classes, theirs.box.p, theirs.box.r, theirs.box.f1, strict=True):
        assert (row.precision, row.recall, row.f1) == pytest.approx((precision, recall, f1), abs=1e-3)
    chosen = np.linspace(0, 999, 101).round().astype(int)
    for name, values in (
        ("precision", theirs.box.p_curve),
        ("recall", theirs.box.r_curve),
        ("f1", theirs.box.f1_curve),
    ):
        for row, curve in zip(ours.classes, values, strict=True):
            assert ours.curves[name][row.name] == pytest.approx(curve[chosen].tolist(), abs=1e-3)
    assert ours.metrics["map50"] == pytest.approx(theirs.box.map50, abs=0.03), "another interpolation"
