"""A recipe from a function: logistic regression on rings, by gradient descent with momentum."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from steadytune import recipe


@recipe(
    metric="accuracy",
    epochs=20,
    lr={"low": 1e-3, "high": 10.0, "log": True, "default": 0.1},
    momentum={"low": 0.0, "high": 0.99, "default": 0.9},
    degree={"choices": [1, 2, 3], "default": 1},
)
def train(settings: dict[str, Any]) -> Iterator[dict[str, float]]:
    """Points inside and outside of a ring, told apart by polynomials of their coordinates."""
    draw = np.random.default_rng(settings["seed"])
    points = draw.uniform(-1, 1, (600, 2))
    inside = (np.hypot(*points.T) < 0.7).astype(float)
    features = np.hstack([points**power for power in range(settings["degree"] + 1)])
    weights = velocity = np.zeros(features.shape[1])
    for _ in range(settings["epochs"]):
        chance = 1 / (1 + np.exp(-features[:400] @ weights))
        gradient = features[:400].T @ (chance - inside[:400]) / 400
        velocity = settings["momentum"] * velocity - settings["lr"] * gradient
        weights = weights + velocity
        held_out = features[400:] @ weights > 0
        loss = -np.mean(np.log(np.where(inside[:400] > 0, chance, 1 - chance) + 1e-12))
        yield {"accuracy": float(np.mean(held_out == inside[400:])), "train_loss": float(loss)}
