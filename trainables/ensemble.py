"""Several trained models as one predictor, which merges their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.recipe import Predictor


def ensemble(predictors: Sequence[Predictor]) -> Predictor:
    """The predictor that asks all of `predictors`, of which there is at least one, and merges their answers."""

    def predict(pictures: Sequence[Any]) -> list[dict[str, Any]]:
        answers = [predictor(pictures) for predictor in predictors]
        return [merged(of_picture) for of_picture in zip(*answers, strict=True)]

    return predict


def merged(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several models say about one picture or clip, as one answer of the same form.

    Of a class as a whole the probabilities are averaged; boxes are merged by `trainables.vision.merged_boxes`.
    """
    if "boxes" in answers[0]:
        from trainables.vision.merged_boxes import merged_boxes

        return merged_boxes(answers)
    scores = {name: sum(answer["scores"][name] for answer in answers) / len(answers) for name in answers[0]["scores"]}
    return {"label": max(scores, key=scores.__getitem__), "scores": scores}
