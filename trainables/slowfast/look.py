"""What a data set for slowfast holds, and what a training batch looks like."""

from __future__ import annotations

import numpy as np

from trainables.errors import first_few
from trainables.look import EXAMPLES, RARE, Example, Look, LookTable, remark
from trainables.slowfast.data import ThermalData
from trainables.slowfast.held_out import FRAMES
from trainables.slowfast.settings import SlowfastSettings
from trainables.vision.guessing import guesses, mean_class_accuracy


def look(settings: SlowfastSettings, data: ThermalData) -> Look:
    """See `Recipe.look`. Near duplicates are not looked for: a still camera's clips all look alike."""
    counts = [np.bincount(clips.labels, minlength=len(data.names)) for clips in (data.train, data.val)]
    rows = []
    for name, train, val in zip(data.names, *counts, strict=True):
        shares = (f"{count / max(1, total.sum()):.1%}" for count, total in zip((train, val), counts, strict=True))
        train_share, val_share = shares
        rows.append((name, f"{train:,}", train_share, f"{val:,}", val_share, remark(int(train), int(val))))
    rows.append(("all", f"{counts[0].sum():,}", "", f"{counts[1].sum():,}", "", ""))
    note = f"rare: at most {RARE} training clips, LVIS's bound for pictures."
    classes = LookTable("Clips", ("class", "train", "share", "val", "share", ""), tuple(rows), note)
    sizes, spans = [], []
    for clips in (data.train, data.val):
        _, frames, height, width = clips.frames.shape
        sizes.append(f"{frames} frames of {width}x{height}")
        spans.append(f"{float(clips.frames.min()):.1f} to {float(clips.frames.max()):.1f} °C")
    height, width = settings.input_size
    note = f"The training takes {settings.frames} frames of {width}x{height}; its coldest value is 0, its hottest 1."
    table = LookTable("Sizes", ("", "train", "val"), (("clips", *sizes), ("temperatures", *spans)), note)
    rare = [row[0] for row in rows if row[-1]]
    warning = f"few clips or none in a split: {first_few(rare)}"
    guessed = {
        name: {"mean_class_accuracy": mean_class_accuracy(guess.table), "top1": guess.top1, "top5": guess.top5}
        for name, guess in guesses(*counts).items()
    }
    return Look((classes, table), (warning,) if rare else (), guesses=guessed)


def training_batch(settings: SlowfastSettings, data: ThermalData) -> list[Example]:
    """See `Recipe.training_batch`. Each picture is a row of frames of one clip."""
    import torch

    from trainables.loop import seeded
    from trainables.slowfast.clips import MIDDLE, SPREAD
    from trainables.slowfast.training import loaders

    settings = settings.model_copy(update={"workers": 0, "batch": EXAMPLES})
    with seeded(settings.seed, "look"):
        clips, classes = next(iter(loaders(settings, data, torch.device("cpu"))[0]))
    indexes = np.linspace(0, clips.shape[2] - 1, FRAMES).round().astype(int)
    frames = (clips[:, 0, indexes] * SPREAD + MIDDLE).clamp(0, 1).mul(255).round().byte().numpy()
    return [
        Example(
            np.repeat(np.hstack([*clip])[..., None], 3, axis=2), np.zeros((0, 4), np.float32), (), data.names[int(kind)]
        )
        for clip, kind in zip(frames, classes, strict=True)
    ]
