"""The report of a detector, from its predictions alone.

Precision, recall, F1, their curves and the confusion matrix are computed by Ultralytics' own functions, so they are
those of its `val` on the same predictions, but for one choice: Ultralytics counts its confusion matrix at a score of
0.25, here it is counted where precision and recall are given, at the best threshold. Average precision is COCO's, by
faster-coco-eval, as in every metric of a training here; Ultralytics' own interpolates otherwise. Detections in crowds
count neither way, as in COCO.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainables.errors import SettingsError
from trainables.model_report import ClassRow, Mistake, ModelReport
from trainables.ultralytics_import import isolated
from trainables.vision.average_precision import Detections, Objects, average_precision, by_size
from trainables.vision.calibration import calibration
from trainables.vision.predictions import DetectionPredictions

BACKGROUND = "background"
IOU = 0.5
"""From which on a detection is an object of its class: Ultralytics' for precision and recall."""
THRESHOLDS = np.linspace(0.5, 0.95, 10)
CURVES = {"precision": 0, "recall": 1, "f1": 2, "precision_recall": 3}
POINTS = 101
"""Of a curve in the report; Ultralytics' have 1000."""
LOWEST = 0.01
"""Best threshold that is given; a model that finds nothing has its best F1, of 0, at 0."""


def detection_report(predictions: DetectionPredictions) -> ModelReport:
    """The report of `predictions`, in which at least one picture holds an object.

    Raises:
        ValueError: none does.
        SettingsError: Ultralytics is not installed, which not every recipe needs.
    """
    if find_spec("ultralytics") is None:
        raise SettingsError("a report on a detector needs Ultralytics' metrics; pip install 'steadytune[ultralytics]'")
    judged = _without_crowds(predictions)
    correct = [_correct(truth, detected) for truth, detected in zip(judged.truth, judged.detected, strict=True)]
    scores = np.concatenate([detected.scores for detected in judged.detected])
    counted = _ultralytics(judged, np.concatenate(correct), scores)
    threshold = max(LOWEST, counted["threshold"])
    averages = average_precision(predictions.truth, predictions.detected, predictions.names)
    classes = tuple(_rows(predictions, counted, averages))
    means = {name: float(np.mean([getattr(row, name) for row in classes])) for name in ("precision", "recall", "f1")}
    metrics = {name: value for name, value in averages.items() if "/" not in name}
    sizes = by_size(predictions.truth, predictions.detected, predictions.names)
    sure = scores >= LOWEST
    bins, error = calibration(scores[sure], np.concatenate(correct)[sure, 0])
    groups = {group: _group(predictions.of_group(group)) for group in sorted(set(predictions.groups) - {""})}
    return ModelReport(
        kind="detection",
        examples=len(predictions.truth),
        metrics=metrics | {f"map50_95_{name}": value for name, value in sizes.items()} | means,
        threshold=threshold,
        classes=classes,
        curves=_curves(predictions.names, counted),
        confusion_names=(*predictions.names, BACKGROUND),
        confusion=confusion(judged, threshold),
        groups={group: values for group, values in groups.items() if values},
        calibration=bins,
        calibration_error=error,
        mistakes=_mistakes(predictions, threshold),
    )


def _without_crowds(predictions: DetectionPredictions) -> DetectionPredictions:
    """`predictions` without the detections that count neither way."""
    judged = []
    for truth, detected in zip(predictions.truth, predictions.detected, strict=True):
        counts = ~_in_crowd(truth, detected)
        judged.append(Detections(detected.boxes[counts], detected.classes[counts], detected.scores[counts]))
    return replace(predictions, detected=tuple(judged))


def _in_crowd(truth: Objects, detected: Detections) -> NDArray[np.bool_]:
    """(D,): which detections are none of the objects, and by a share of `IOU` or more in a crowd of their class."""
    inside = np.zeros(len(detected.classes), dtype=bool)
    hits = _hits(truth, detected) if len(truth.crowd_classes) else {}
    for index, (box, kind) in enumerate(zip(detected.boxes, detected.classes, strict=True)):
        crowds = truth.crowds[truth.crowd_classes == kind]
        if len(crowds) and index not in hits:
            shared = (np.minimum(box[2:], crowds[:, 2:]) - np.maximum(box[:2], crowds[:, :2])).clip(0).prod(axis=1)
            inside[index] = (shared >= IOU * (box[2:] - box[:2]).prod()).any()
    return inside


def _correct(truth: Objects, detected: Detections) -> NDArray[np.bool_]:
    """(D, 10): which detections are an object of their class, at each of `THRESHOLDS`; by Ultralytics' matching."""
    with isolated():
        from ultralytics.engine.validator import BaseValidator
    if not len(truth.classes) or not len(detected.classes):
        return np.zeros((len(detected.classes), len(THRESHOLDS)), dtype=bool)
    validator = SimpleNamespace(iouv=torch.from_numpy(THRESHOLDS))
    kinds = torch.from_numpy(detected.classes), torch.from_numpy(truth.classes)
    overlaps = torch.from_numpy(overlap(truth.boxes, detected.boxes))
    order = np.argsort(-detected.scores, kind="stable")
    matched = BaseValidator.match_predictions(validator, kinds[0][order], kinds[1], overlaps[:, order])
    correct = np.zeros(matched.shape, dtype=bool)
    correct[order] = matched.numpy()
    return correct


def overlap(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU (M, D) of `boxes` (M, 4) and `others` (D, 4)."""
    from ultralytics.utils.metrics import box_iou

    return np.asarray(box_iou(torch.from_numpy(boxes), torch.from_numpy(others)), dtype=np.float32)


def _ultralytics(
    predictions: DetectionPredictions, correct: NDArray[np.bool_], scores: NDArray[np.float32]
) -> dict[str, Any]:
    from ultralytics.utils.metrics import ap_per_class, smooth

    kinds = np.concatenate([detected.classes for detected in predictions.detected])
    true_classes = np.concatenate([truth.classes for truth in predictions.truth])
    _, _, precision, recall, f1, _, present, p_curve, r_curve, f1_curve, x, pr_curve = ap_per_class(
        correct, scores, kinds, true_classes
    )
    best = smooth(f1_curve.mean(0), 0.1).argmax()  # as `ap_per_class` chooses it, which does not say where
    return {
        "threshold": float(x[best]),
        "present": present,
        "counts": np.bincount(true_classes, minlength=len(predictions.names)),
        "values": (precision, recall, f1),
        "curves": (p_curve, r_curve, f1_curve, pr_curve),
        "x": x,
    }


def _rows(
    predictions: DetectionPredictions, counted: Mapping[str, Any], averages: Mapping[str, float]
) -> Iterator[ClassRow]:
    for index, kind in enumerate(counted["present"].tolist()):
        name = predictions.names[kind]
        precision, recall, f1 = (float(values[index]) for values in counted["values"])
        average = {"map50_95": averages[f"map50_95/{name}"]}
        yield ClassRow(name, int(counted["counts"][kind]), precision, recall, f1, average)


def _curves(names: Sequence[str], counted: Mapping[str, Any]) -> dict[str, dict[str, list[float]]]:
    chosen = np.linspace(0, len(counted["x"]) - 1, POINTS).round().astype(int)
    curves = {}
    for name, index in CURVES.items():
        rows = np.asarray(counted["curves"][index])[:, chosen]
        lines = {"x": counted["x"][chosen], "all classes": rows.mean(axis=0)}
        lines |= {names[kind]: row for kind, row in zip(counted["present"].tolist(), rows, strict=True)}
        curves[name] = {line: [round(float(value), 5) for value in values] for line, values in lines.items()}
    return curves


def confusion(predictions: DetectionPredictions, threshold: float) -> tuple[tuple[int, ...], ...]:
    """Objects by class (rows) and what they were taken for (columns); the last of both is background.

    By Ultralytics' `ConfusionMatrix`, whose rows are our columns: boxes of any class are matched at its IoU of 0.45.
    """
    with isolated():
        from ultralytics.utils.metrics import ConfusionMatrix
    matrix = ConfusionMatrix(dict(enumerate(predictions.names)))
    for truth, detected in zip(predictions.truth, predictions.detected, strict=True):
        detections = {"cls": detected.classes, "conf": detected.scores, "bboxes": detected.boxes}
        objects = {"cls": truth.classes, "bboxes": truth.boxes}
        matrix.process_batch(
            {name: torch.from_numpy(np.asarray(value)) for name, value in detections.items()},
            {name: torch.from_numpy(np.asarray(value)) for name, value in objects.items()},
            conf=threshold,
        )
    return tuple(tuple(int(value) for value in row) for row in matrix.matrix.T)


def _group(predictions: DetectionPredictions) -> dict[str, float]:
    if not any(len(truth.classes) for truth in predictions.truth):
        return {}
    averages = average_precision(predictions.truth, predictions.detected, predictions.names)
    return {"pictures": float(len(predictions.truth))} | {
        name: averages[name] for name in ("map50_95", "map50", "map75")
    }


def _mistakes(predictions: DetectionPredictions, threshold: float) -> tuple[Mistake, ...]:
    mistakes = [
        _mistake(index, truth, detected, threshold)
        for index, (truth, detected) in enumerate(zip(predictions.truth, predictions.detected, strict=True))
    ]
    return tuple(sorted(mistakes, key=lambda mistake: -mistake.cost))


def _mistake(index: int, truth: Objects, detected: Detections, threshold: float) -> Mistake:
    sure = np.flatnonzero((detected.scores >= threshold) & ~_in_crowd(truth, detected))
    hits = _hits(truth, Detections(detected.boxes[sure], detected.classes[sure], detected.scores[sure]))
    misses = tuple(sorted(set(range(len(truth.classes))) - set(hits.values())))
    false_alarms = tuple(int(index) for number, index in enumerate(sure) if number not in hits)
    cost = len(misses) + float(sum(detected.scores[index] for index in false_alarms))
    counts = [f"{len(hits)} found", *[f"{len(misses)} missed"] * bool(misses)]
    counts += [f"{len(false_alarms)} false alarm{'s' * (len(false_alarms) != 1)}"] * bool(false_alarms)
    return Mistake(index, cost, misses, false_alarms, ", ".join(counts))


def _hits(truth: Objects, detected: Detections) -> dict[int, int]:
    """Which object each right detection is: each object is one, of the surest that overlaps it by `IOU` or more."""
    hits: dict[int, int] = {}
    if not len(truth.classes) or not len(detected.classes):
        return hits
    overlaps = overlap(truth.boxes, detected.boxes) * (truth.classes[:, None] == detected.classes)
    for index in np.argsort(-detected.scores, kind="stable").tolist():
        free = np.where(np.isin(np.arange(len(truth.classes)), [*hits.values()]), 0, overlaps[:, index])
        if free.max() >= IOU:
            hits[index] = int(free.argmax())
    return hits
