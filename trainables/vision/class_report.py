"""The report of a classifier, from its predictions alone; scikit-learn counts."""

from __future__ import annotations

import numpy as np

from trainables.model_report import ClassRow, Mistake, ModelReport
from trainables.vision.calibration import calibration
from trainables.vision.predictions import ClassPredictions


def class_report(found: ClassPredictions) -> ModelReport:
    """The report of `found`, of at least one example."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    said, numbers = found.scores.argmax(axis=1), range(len(found.names))
    table = confusion_matrix(found.truth, said, labels=list(numbers))
    values = precision_recall_fscore_support(found.truth, said, labels=list(numbers), zero_division=0.0)
    rows = zip(found.names, *(each.tolist() for each in values), strict=True)
    classes = tuple(
        ClassRow(name, int(count), precision, recall, f1) for name, precision, recall, f1, count in rows if count
    )
    sure = found.scores.max(axis=1)
    right = said == found.truth
    bins, error = calibration(sure, right)
    mistakes = tuple(
        Mistake(
            index,
            0.0 if right[index] else float(sure[index]),
            said=f"is {found.names[found.truth[index]]}, taken for {found.names[said[index]]} ({sure[index]:.0%})",
        )
        for index in np.argsort(right * 2.0 - sure, kind="stable").tolist()
    )
    means = {name: float(np.mean([getattr(row, name) for row in classes])) for name in ("precision", "recall", "f1")}
    return ModelReport(
        kind="classification",
        examples=len(found.truth),
        metrics={"accuracy": float(right.mean()), "mean_class_accuracy": means["recall"]} | means,
        threshold=None,
        classes=classes,
        curves={},
        confusion_names=found.names,
        confusion=tuple(tuple(map(int, row)) for row in table),
        groups={},
        calibration=bins,
        calibration_error=error,
        mistakes=mistakes,
    )
