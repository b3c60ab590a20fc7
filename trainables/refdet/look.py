"""What a data set for refdet holds, and what a training episode looks like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainables.errors import first_few
from trainables.look import EXAMPLES, Example, Look, LookTable
from trainables.refdet.data import Clip, RefdetData
from trainables.refdet.settings import RefdetSettings
from trainables.vision.detection_look import MEDIUM, SMALL
from trainables.vision.unread import unread_sentences


def look(settings: RefdetSettings, data: RefdetData) -> Look:
    """See `Recipe.look`.

    Near duplicates are not looked for: neighbouring frames of a video are such. It warns of classes of which an episode
    draws more frames than are annotated.
    """
    splits = {"train": data.train, "test": data.val}
    parts = {split: _counts(clips, settings.image_size) for split, clips in splits.items()}
    rows = tuple((name, *(part[name] for part in parts.values())) for name in parts["train"])
    size = settings.image_size
    note = f"Objects by the area of their boxes at frames of {size} px: small is below 32² px, large 96² and more."
    short_clips = [clip.name for clip in data.train if len(clip.frames) < settings.n_query]
    warning = (
        f"fewer annotated frames than n_query ({settings.n_query}), so some are shown twice: {first_few(short_clips)}"
    )
    references = [file for clips in splits.values() for clip in clips for file in clip.references]
    warnings = (*([warning] if short_clips else []), *unread_sentences(data.findings, references))
    return Look((LookTable("Videos", ("", *splits), rows, note),), warnings)


def _counts(clips: Sequence[Clip], size: int) -> dict[str, str]:
    frames = [len(clip.frames) for clip in clips]
    scaled = [boxes * (size / max(clip.width, clip.height)) for clip in clips for boxes in clip.boxes.values()]
    sides = np.concatenate([boxes[:, 2:] - boxes[:, :2] for boxes in scaled])
    areas = sides.prod(axis=1)
    small, medium = int((areas < SMALL).sum()), int(((areas >= SMALL) & (areas < MEDIUM)).sum())
    references = [len(clip.references) for clip in clips]
    pictures = sorted({f"{clip.width}x{clip.height}" for clip in clips})
    return {
        "videos (classes)": f"{len(clips):,}",
        "size on disk": first_few(pictures, 3),
        "annotated frames": f"{sum(frames):,}, {min(frames):,} to {max(frames):,} a video",
        "reference images": f"{sum(references):,}, {min(references)} to {max(references)} a video",
        "objects": f"{len(areas):,}",
        "small objects": f"{small:,} ({small / len(areas):.0%})",
        "medium objects": f"{medium:,} ({medium / len(areas):.0%})",
        "large objects": f"{len(areas) - small - medium:,} ({(len(areas) - small - medium) / len(areas):.0%})",
    }


def training_batch(settings: RefdetSettings, data: RefdetData) -> list[Example]:
    """See `Recipe.training_batch`. A reference is on the left, the frame in which to find it on the right."""
    import cv2

    from trainables.loop import seeded
    from trainables.refdet.episodes import draw

    with seeded(settings.seed, "look"):
        random = np.random.default_rng(np.random.randint(2**31))
        query = max(settings.n_query, -(-EXAMPLES // settings.n_way))
        episode = draw(data, settings, settings.n_way, query, random)
    examples = []
    # Frames stand class by class: as many of each class as fit.
    order = np.argsort(np.arange(len(episode.frames)) % query, kind="stable")[:EXAMPLES]
    for index in sorted(order):
        frame = episode.frames[index].numpy().transpose(1, 2, 0)
        reference = episode.references[int(episode.classes[index])][0].numpy().transpose(1, 2, 0)
        side = frame.shape[0]
        reference = cv2.resize(reference, (side, side), interpolation=cv2.INTER_NEAREST)
        boxes = episode.objects[index].numpy() + np.array((side, 0, side, 0), np.float32)
        name = f"class {int(episode.classes[index])}"
        examples.append(Example(np.hstack([reference, frame]), boxes, (name,) * len(boxes), name))
    return examples
