"""The report of a classifier, from its predictions alone; scikit-learn counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainables.model_report import ClassRow, Mistake, ModelReport
from trainables.vision.calibration import calibration
from trainables.vision.guessing import guesses, macro, mean_class_accuracy
from trainables.vision.predictions import ClassPredictions


def class_report(predictions: ClassPredictions) -> ModelReport:
    """The report of `predictions`, of at least one example."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    names, truth = predictions.names, predictions.truth
    predicted, numbers = predictions.scores.argmax(axis=1), range(len(names))
    table = confusion_matrix(truth, predicted, labels=list(numbers))
    values = precision_recall_fscore_support(truth, predicted, labels=list(numbers), zero_division=0.0)
    rows = zip(names, *(column.tolist() for column in values), strict=True)
    classes = tuple(
        ClassRow(name, int(count), precision, recall, f1) for name, precision, recall, f1, count in rows if count
    )
    confidence = predictions.scores.max(axis=1)
    correct = predicted == truth
    bins, error = calibration(confidence, correct)
    mistakes = tuple(
        Mistake(
            index,
            0.0 if correct[index] else float(confidence[index]),
            caption=f"is {names[truth[index]]}, taken for {names[predicted[index]]} ({confidence[index]:.0%})",
        )
        for index in np.argsort(correct * 2.0 - confidence, kind="stable").tolist()
    )
    means = {name: float(np.mean([getattr(row, name) for row in classes])) for name in ("precision", "recall", "f1")}
    return ModelReport(
        kind="classification",
        examples=len(predictions.truth),
        metrics={"accuracy": float(correct.mean()), "mean_class_accuracy": means["recall"]} | means,
        threshold=None,
        classes=classes,
        curves={},
        confusion_names=predictions.names,
        confusion=tuple(tuple(map(int, row)) for row in table),
        groups={},
        calibration=bins,
        calibration_error=error,
        mistakes=mistakes,
        guesses=_guesses(np.bincount(truth, minlength=len(names))),
    )


def _guesses(counts: NDArray[np.int64]) -> dict[str, dict[str, float]]:
    """What guesses by the frequencies of these very examples reach: of a checkpoint the training split is not known."""
    return {
        name: {"accuracy": guess.top1, "mean_class_accuracy": mean_class_accuracy(guess.table), **macro(guess.table)}
        for name, guess in guesses(counts, counts).items()
    }
