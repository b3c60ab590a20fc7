"""Pretrains refdet's tiny reference encoder on handwritten digits: `python -m trainables.samples.digit_encoder`.

It stands in for DINOv2, which has seen about everything: it learns to tell the signs of the sample videos, in the
handwriting of the training half alone. The detector itself is never trained on the novel ones.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from trainables.isolation import isolated
from trainables.loop import seeded
from trainables.samples.digits import regions, strokes
from trainables.samples.reference_videos import kinds, reference, turned

FILE = Path(__file__).with_name("digit_encoder.pt")
SIZE, BATCH, RATE = 56, 64, 1e-3


def pretrain(steps: int, seed: int = 0) -> nn.Module:
    """The encoder after `steps` batches of telling every sign from every other."""
    with tempfile.TemporaryDirectory() as folder, isolated(Path(folder)):
        from trainables.refdet.model import reference_encoder
    from trainables.refdet.recipe import Refdet as Recipe
    from trainables.refdet.settings import RefdetSettings

    settings = Recipe().settings("tiny", {"reference_weights": "none"})
    assert isinstance(settings, RefdetSettings)
    every = kinds(range(10))
    written = strokes(range(10), "train")
    signs = [turned(written[kind[0]], kind) for kind in every]
    places = regions("train")
    random = np.random.default_rng(seed)
    with seeded(seed, "digit encoder"):
        encoder = reference_encoder(settings)
        told = nn.Linear(int(encoder.num_features), len(every))  # type: ignore[arg-type]
        values = [*encoder.parameters(), *told.parameters()]
        optimizer = torch.optim.AdamW(values, lr=RATE, weight_decay=0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
        for step in range(steps):
            classes = random.integers(len(every), size=BATCH)
            pictures = np.stack([reference(random, signs[kind], places, SIZE) for kind in classes])
            pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
            scores = told(encoder(pixels))
            loss = nn.functional.cross_entropy(scores, torch.from_numpy(classes))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if step % 100 == 99:
                share = (scores.argmax(1).numpy() == classes).mean()
                print(f"step {step + 1}: loss {loss.item():.3f}, right {share:.2f}", flush=True)
    return encoder


def main() -> None:
    """Pretrain and write `FILE`."""
    parser = argparse.ArgumentParser(description=pretrain.__doc__)
    parser.add_argument("--steps", type=int, default=700)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.save(pretrain(given.steps).state_dict(), FILE)


if __name__ == "__main__":
    main()
