"""Predictions as files: COCO's and YOLO's forms of boxes, and a list of classes as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class CocoFile:
    """Boxes as COCO's data sets have them, each with its score.

    Attributes:
        images, annotations: as in COCO's JSON.
        names: classes in the order in which they were met; a category's number is its place, from 1.
    """

    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, name: str, width: int, height: int, answer: Mapping[str, Any]) -> None:
        """Add what a predictor found in a picture."""
        number = len(self.images) + 1
        self.images.append({"id": number, "file_name": name, "width": width, "height": height})
        for (x1, y1, x2, y2), score, label, track in _rows(answer):
            if label not in self.names:
                self.names.append(label)
            box = [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]
            entry = {"id": len(self.annotations) + 1, "image_id": number, "category_id": self.names.index(label) + 1}
            area = {"bbox": box, "area": round(box[2] * box[3], 2), "iscrowd": 0, "score": round(score, 5)}
            self.annotations.append(entry | area | ({} if track is None else {"track_id": track}))

    def content(self) -> dict[str, Any]:
        """The whole file."""
        categories = [{"id": number, "name": name} for number, name in enumerate(self.names, start=1)]
        return {"images": self.images, "categories": categories, "annotations": self.annotations}


def yolo_lines(answer: Mapping[str, Any], width: int, height: int, names: Sequence[str]) -> str:
    """A line for each box, class cx cy w h score [track], in shares of the picture, as Ultralytics' `save_txt`."""
    lines = []
    for (x1, y1, x2, y2), score, label, track in _rows(answer):
        shares = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height
        end = "" if track is None else f" {track}"
        lines.append(f"{names.index(label)} {' '.join(f'{share:.6f}' for share in shares)} {score:.5f}{end}\n")
    return "".join(lines)


def above(answer: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    """The boxes of `answer` whose score is at least `threshold`; an answer about a class as a whole stays."""
    if "boxes" not in answer:
        return dict(answer)
    indices = [index for index, score in enumerate(answer["scores"]) if float(score) >= threshold]
    return {name: [answer[name][index] for index in indices] for name in ("boxes", "scores", "labels")}


def smoothed(scores: Sequence[Mapping[str, float]], over: int) -> list[dict[str, float]]:
    """Scores by class of consecutive clips, each the mean of itself and those around it, `over` clips in all.

    Args:
        scores: in the order of time.
        over: odd number of clips; at the ends there are fewer.
    """
    half = over // 2
    windows = [scores[max(0, at - half) : at + half + 1] for at in range(len(scores))]
    return [
        {name: sum(clip_scores[name] for clip_scores in window) / len(window) for name in window[0]}
        for window in windows
    ]


def _rows(answer: Mapping[str, Any]) -> list[tuple[tuple[float, float, float, float], float, str, int | None]]:
    """Boxes with scores, labels and numbers of tracks, if there are any."""
    boxes = [tuple(float(value) for value in box) for box in answer["boxes"]]
    tracks = answer.get("tracks", [None] * len(boxes))
    return [
        ((box[0], box[1], box[2], box[3]), float(score), str(label), track)
        for box, score, label, track in zip(boxes, answer["scores"], answer["labels"], tracks, strict=True)
    ]
