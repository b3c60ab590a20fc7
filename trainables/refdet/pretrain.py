"""Pretrains refdet's tiny reference encoder on handwritten digits: `python -m trainables.refdet.pretrain`.

It stands in for DINOv2, which has seen about everything: it learns to tell the signs of the sample videos, in the
handwriting of the training half alone. The detector itself is never trained on the novel ones.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trainables.loop import seeded
from trainables.samples.digits import regions, strokes
from trainables.samples.reference_videos import kinds, reference, turned
from trainables.ultralytics_import import isolated

SIZE, BATCH, RATE = 56, 64, 1e-3
STEPS, SEED = 3000, 0
"""Number of batches, and seed, that made `weights.SAMPLE`."""
HELD_OUT = 1000
"""Pictures that it is tried on at the end."""


class Signs:
    """Pictures of every sign of the ten digits, in the handwriting and on the photographs of one split."""

    def __init__(self, split: str) -> None:
        signs = kinds(range(10))
        written = strokes(range(10), split)
        self._signs = [turned(written[kind[0]], kind) for kind in signs]
        self._backgrounds = regions(split)

    def __len__(self) -> int:
        return len(self._signs)

    def draw(self, random: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """`count` pictures (count, 3, SIZE, SIZE), from -1 to 1, and the sign on each (count,)."""
        classes = random.integers(len(self), size=count)
        pictures = np.stack([reference(random, self._signs[kind], self._backgrounds, SIZE) for kind in classes])
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1, torch.from_numpy(classes)


def pretrain(steps: int) -> nn.Module:
    """The encoder after `steps` batches of telling every sign from every other; prints what it names right."""
    with tempfile.TemporaryDirectory() as folder, isolated(Path(folder)):
        from trainables.refdet.model import reference_encoder
    from trainables.refdet.recipe import Refdet

    settings = Refdet().settings("tiny", {"reference_weights": "none"})
    signs = Signs("train")
    random = np.random.default_rng(SEED)
    with seeded(SEED, "digit encoder"):
        encoder = reference_encoder(settings)
        classifier = nn.Linear(int(encoder.num_features), len(signs))  # type: ignore[arg-type]
        values = [*encoder.parameters(), *classifier.parameters()]
        optimizer = torch.optim.AdamW(values, lr=RATE, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
        for step in range(steps):
            pixels, classes = signs.draw(random, BATCH)
            scores = classifier(encoder(pixels))
            loss = nn.functional.cross_entropy(scores, classes)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if step % 100 == 99:
                share = (scores.argmax(1) == classes).float().mean().item()
                print(f"step {step + 1}: loss {loss.item():.3f}, right {share:.2f}", flush=True)
        with torch.no_grad():
            pixels, classes = Signs("val").draw(random, HELD_OUT)
            share = (classifier(encoder.eval()(pixels)).argmax(1) == classes).float().mean().item()
            print(f"right on {HELD_OUT} pictures held out: {share:.3f}", flush=True)
    return encoder


def main() -> None:
    """Pretrain and write the file."""
    parser = argparse.ArgumentParser(description=pretrain.__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--file", type=Path, help="where to write it; in place of the shipped encoder if not given")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with isolated():
        from trainables.refdet.weights import SAMPLE
    torch.save(pretrain(options.steps).state_dict(), options.file or SAMPLE)


if __name__ == "__main__":
    main()
