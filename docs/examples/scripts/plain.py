"""A training script as many people have one: it knows nothing of steadytune. Two rings, a small network, plain SGD."""

import argparse
import csv
import math
import random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--hidden", type=int, default=8)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", type=Path, default=Path("out"))
args = parser.parse_args()

rng = random.Random(args.seed)
points = []
for _ in range(600):
    ring, angle = rng.randrange(2), rng.uniform(0, 2 * math.pi)
    radius = ring + 1 + rng.gauss(0, 0.3)
    points.append((radius * math.cos(angle), radius * math.sin(angle), ring))
train, test = points[:400], points[400:]
weights = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(args.hidden)]
output = [rng.gauss(0, 0.1) for _ in range(args.hidden + 1)]
moving = [[0.0] * 3 for _ in weights], [0.0] * len(output)


def forward(x: float, y: float) -> tuple[list[float], float]:
    """The hidden layer, and the chance that a point is of the outer ring."""
    hidden = [math.tanh(a * x + b * y + c) for a, b, c in weights]
    score = sum(o * h for o, h in zip(output, [*hidden, 1.0], strict=True))
    return hidden, 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


args.out.mkdir(parents=True, exist_ok=True)
with open(args.out / "results.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["epoch", "train_loss", "accuracy"])
    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        loss = 0.0
        for x, y, ring in train:
            hidden, chance = forward(x, y)
            loss -= math.log(max(1e-12, chance if ring else 1 - chance))
            error = chance - ring
            for i, (h, w) in enumerate(zip(hidden, weights, strict=True)):
                slope = error * output[i] * (1 - h * h)
                for j, step in enumerate((slope * x, slope * y, slope)):
                    moving[0][i][j] = args.momentum * moving[0][i][j] - args.lr * step
                    w[j] += moving[0][i][j]
            for i, h in enumerate([*hidden, 1.0]):
                moving[1][i] = args.momentum * moving[1][i] - args.lr * error * h
                output[i] += moving[1][i]
        right = sum((forward(x, y)[1] > 0.5) == bool(ring) for x, y, ring in test)
        table.writerow([epoch, loss / len(train), right / len(test)])
        file.flush()
