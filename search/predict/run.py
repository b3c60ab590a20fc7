"""Has a model predict, and writes what it says.

TO/pictures/NAME.jpg, TO/NAME.mp4    drawn pictures and videos
TO/labels/NAME.txt, TO/classes.txt   boxes in YOLO's form, and the names of their classes
TO/predictions.json                  boxes in COCO's form, with track_id where asked; of clips, their classes
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from search.predict.files import CocoFile, above, smoothed, yolo_lines
from search.predict.model import LoadedModel
from search.predict.sources import Item, Source
from search.views.charts.chart import PALETTE
from search.views.drawn_boxes import draw_boxes
from trainables.atomic import write_file
from trainables.errors import SettingsError
from trainables.tracks.sequence import USUAL_RATE
from trainables.vision.findings import Findings
from trainables.vision.unread import note_unread, unread_of, unread_sentences
from trainables.vision.video_file import SUFFIX, VideoWriter

if TYPE_CHECKING:
    from trainables.tracks.trackers import Tracker

QUALITY = 90
LEAST_DECODED = 0.98
"""Share of a video's frames; some files state only their length, by which OpenCV estimates the number of frames."""
PREDICTIONS, CLASSES = "predictions.json", "classes.txt"


@dataclass(frozen=True)
class PredictionRequest:
    """How it is done.

    Attributes:
        to: folder to write.
        threshold: of scores, below which a box is left out.
        batch: items that are decoded at a time.
        smooth: of consecutive clips, over which scores are averaged; 1 for each alone.
        draw: whether pictures and videos are drawn.
        tracks: whether objects are followed through each video, or each folder of pictures in the order of names.
    """

    to: Path
    threshold: float
    batch: int
    smooth: int = 1
    draw: bool = True
    tracks: bool = False


def predict(model: LoadedModel, sources: Sequence[Source], request: PredictionRequest) -> Iterator[str]:
    """Predict, yielding a line for each source and at the end where the files are.

    Raises:
        DataError: a picture, a video or a clip cannot be read.
    """
    request.to.mkdir(parents=True, exist_ok=True)
    coco, clips = CocoFile(), []
    for source in sources:
        items = 0
        before = len(coco.annotations)
        video = request.to / f"{source.name}{SUFFIX}"
        writer = VideoWriter(video, source.rate) if source.rate and request.draw else None
        classified: list[tuple[str, Mapping[str, Any]]] = []  # items with a class as a whole, rather than boxes
        try:
            for item, answer in _answers(model, source.items, request):
                items += 1
                if "boxes" not in answer:
                    classified.append((item.name, answer))
                else:
                    _keep(item, answer, source, coco, request, writer)
        finally:
            if writer:
                writer.close()
        clips += _classes(source.name, classified, request.smooth)
        counted = _counted(clips[-items:]) if classified else _objects(coco.annotations[before:])
        yield f"{source.name}: {items} {'clips or pictures' if classified else 'pictures'}, {counted}"
        if items < source.frames * LEAST_DECODED:
            states = f"of the {source.frames} frames that its file states could be decoded"
            yield f"{source.name}: {items} {states}; it may be damaged"
        yield from (f"{source.name}: {sentence}" for sentence in _unread(source.files))
    content: Any = clips if clips and not coco.images else coco.content()
    write_file(request.to / PREDICTIONS, json.dumps(content, indent=1))
    if coco.images:
        write_file(request.to / CLASSES, "".join(f"{name}\n" for name in coco.names))
    yield f"written: {request.to / PREDICTIONS}"


def _unread(files: Sequence[Path]) -> Iterator[str]:
    """What the model did not see of image files, though people may."""
    findings = Findings()
    for file in files:
        note_unread(unread_of(file), file, findings)
    return unread_sentences(findings, files)


def _answers(
    model: LoadedModel, items: Iterator[Item], request: PredictionRequest
) -> Iterator[tuple[Item, dict[str, Any]]]:
    tracker = _tracker(request) if request.tracks else None
    while batch := list(islice(items, request.batch)):
        answers = model.predict([item.given for item in batch])
        for item, answer in zip(batch, answers, strict=True):
            if tracker is None:
                yield item, above(answer, request.threshold)
            elif item.picture is None or "boxes" not in answer:
                raise SettingsError("--tracks follows boxes, and this model gives a class to the whole; leave it out")
            else:
                yield item, dict(tracker.follow(answer, item.picture()))


def _tracker(request: PredictionRequest) -> Tracker:
    from trainables.tracks.settings import BOTSORT
    from trainables.tracks.trackers import defaults, tracker_maker

    values = {"track_high_thresh": request.threshold, "new_track_thresh": request.threshold}
    values["track_low_thresh"] = min(defaults(BOTSORT)["track_low_thresh"], request.threshold)
    return tracker_maker(BOTSORT, values)(USUAL_RATE)


def _keep(
    item: Item,
    answer: Mapping[str, Any],
    source: Source,
    coco: CocoFile,
    request: PredictionRequest,
    writer: VideoWriter | None,
) -> None:
    """Add an answer to the files, and draw it."""
    assert item.picture is not None, "what has boxes has a picture"
    pixels = item.picture()
    height, width = pixels.shape[:2]
    coco.add(item.name, width, height, answer)
    is_frame = source.rate is not None
    stem = item.name.replace(" ", "_") if is_frame else str(PurePosixPath(item.name).with_suffix(""))
    labels = request.to / "labels" / f"{stem}.txt"
    labels.parent.mkdir(parents=True, exist_ok=True)
    write_file(labels, yolo_lines(answer, width, height, coco.names))
    if not request.draw:
        return
    drawn = _drawn(pixels, answer, coco.names)
    if writer:
        writer.add(np.asarray(drawn))
        return
    picture = request.to / "pictures" / f"{stem}.jpg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    drawn.save(picture, "JPEG", quality=QUALITY)


def _drawn(pixels: NDArray[np.uint8], answer: Mapping[str, Any], names: Sequence[str]) -> Image.Image:
    picture = Image.fromarray(pixels)
    # A colour for each track, or else for each class.
    tracks = answer.get("tracks", [None] * len(answer["boxes"]))
    rows = zip(answer["boxes"], answer["scores"], answer["labels"], tracks, strict=True)
    boxes = []
    for box, score, label, track in rows:
        colour = PALETTE[(names.index(label) if track is None else track) % len(PALETTE)]
        boxes.append((box, colour, f"{label} {score:.2f}" if track is None else f"{label} {track} {score:.2f}"))
    draw_boxes(picture, boxes, letters=max(11, min(pixels.shape[:2]) // 40))
    return picture


def _objects(annotations: Sequence[Mapping[str, Any]]) -> str:
    tracks = {annotation["track_id"] for annotation in annotations if "track_id" in annotation}
    return f"{len(annotations)} objects" + (f" on {len(tracks)} tracks" if tracks else "")


def _classes(source: str, classified: Sequence[tuple[str, Mapping[str, Any]]], smooth: int) -> list[dict[str, Any]]:
    """Entries of `PREDICTIONS` for the items of a source, by their names and answers."""
    scores = smoothed([answer["scores"] for _, answer in classified], smooth)
    return [
        {
            "source": source,
            "name": name,
            "label": max(clip_scores, key=clip_scores.__getitem__),
            "scores": {label: round(score, 5) for label, score in clip_scores.items()},
        }
        for (name, _), clip_scores in zip(classified, scores, strict=True)
    ]


def _counted(clips: Sequence[Mapping[str, Any]]) -> str:
    labels = [str(clip["label"]) for clip in clips]
    return ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))
