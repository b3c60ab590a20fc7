"""What a data set for rgbt holds, and what a training batch looks like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from trainables.look import EXAMPLES, Example, Look
from trainables.rgbt.data import Pairs, RgbtData
from trainables.rgbt.settings import RgbtSettings
from trainables.vision.average_precision import MOST
from trainables.vision.decode import decode
from trainables.vision.detection_look import Labelled, detection_look, flat
from trainables.vision.near_duplicates import Hashes, hashes, small_pictures

LOOKED_AT = 8
"""Thermal pictures of which it is told whether they are in colour."""
GREY_NOISE, COLOURED_SHARE = 16, 0.01
"""By how much the planes of a grey picture may differ, as JPEG rounds, and the share of pixels where they do in a
coloured one. Ours."""


def look(settings: RgbtSettings, data: RgbtData) -> Look:
    """See `Recipe.look`."""
    size = settings.image_size
    thermal = {pair.rgb: pair.thermal for pairs in (data.train, data.val) for pair in pairs.samples}
    seen = detection_look(
        data.names,
        {"train": _labelled(data.train), "val": _labelled(data.val)},
        tuple(data.findings),
        scale=lambda width, height: size / max(width, height),
        size=f"{size} px",
        hashes=lambda pairs: _blended(pairs, thermal),
        most=MOST,
        scored_whole=True,
        beside=[*thermal.values()],
    )
    return replace(seen, warnings=(*seen.warnings, *_thermal_warnings(data.train)))


def _thermal_warnings(pairs: Pairs) -> Iterator[str]:
    """What of the thermal pictures does not reach the model."""
    files = [(pair.thermal, pair.width, pair.height) for pair in pairs.samples]
    yield from flat(small_pictures(files), "thermal pictures of train")
    sampled = [files[index][0] for index in np.linspace(0, len(files) - 1, min(LOOKED_AT, len(files))).astype(int)]
    if coloured := sum(_is_coloured(file) for file in sampled):
        yield (
            f"{coloured} of {len(sampled)} thermal pictures that were looked at are in colour, of which the blue plane "
            "alone is taken: save them in grey, by temperature"
        )


def _is_coloured(file: Path) -> bool:
    planes = decode(file).astype(np.int16)
    return bool((np.ptp(planes, axis=2) > GREY_NOISE).mean() > COLOURED_SHARE)


def _blended(pairs: Sequence[Labelled], thermal: Mapping[Path, Path]) -> Hashes:
    """Of both images in one: at night the colours are too dark to tell two scenes apart."""
    planes = (
        small_pictures([(file, pair.width, pair.height) for file, pair in zip(files, pairs, strict=True)])
        for files in ([pair.path for pair in pairs], [thermal[pair.path] for pair in pairs])
    )
    means = [np.mean(both, axis=0) for both in zip(*planes, strict=True)]
    return hashes([mean.astype(np.uint8) for mean in means])


def _labelled(pairs: Pairs) -> list[Labelled]:
    return [Labelled.of(pair.rgb, (pair.width, pair.height), pair.labels, pair.scene) for pair in pairs.samples]


def training_batch(settings: RgbtSettings, data: RgbtData) -> list[Example]:
    """See `Recipe.training_batch`. RGB is on the left, the thermal plane on the right."""
    import torch
    from ultralytics.cfg import get_cfg

    from trainables.loop import seeded
    from trainables.rgbt.batches import prepared, training_loader
    from trainables.rgbt.training import arguments

    settings = settings.model_copy(update={"workers": 0, "batch": EXAMPLES})
    with seeded(settings.seed, "look"):
        loader = training_loader(settings, data, get_cfg(overrides=arguments(settings)), 1, torch.device("cpu"))
        batch = prepared(next(iter(loader)), settings, torch.device("cpu"))
    scenes = {str(pair.rgb): pair.scene for pair in data.train.samples}
    examples = []
    for index, planes in enumerate((batch["img"] * 255).round().byte().numpy()):
        rows = (batch["batch_idx"] == index).numpy()
        height, width = planes.shape[1:]
        cx, cy, w, h = (batch["bboxes"].numpy()[rows] * (width, height, width, height)).T
        left = np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1)
        right = left + np.array((width, 0, width, 0))
        names = tuple(data.names[int(kind)] for kind in batch["cls"].numpy()[rows, 0])
        pixels = np.hstack([planes[:3].transpose(1, 2, 0), np.repeat(planes[3][..., None], 3, axis=2)])
        boxes = np.concatenate([left, right]).astype(np.float32)
        examples.append(Example(pixels, boxes, names * 2, scenes[batch["im_file"][index]]))
    return examples
