"""A training that knows of no search: a small network on 300 handwritten digits of 8 by 8 pixels, 797 held out."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

TRAIN, HELD_OUT = slice(0, 300), slice(1000, 1797)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """All digits (1797, 1, 8, 8), from 0 to 1, and what they are."""
    values, labels = load_digits(return_X_y=True)
    return torch.tensor(values / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(labels)


def network(dropout: float) -> nn.Module:
    """Two convolutions and a linear layer."""
    first, second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
    layers = (first, nn.ReLU(), second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(512, 10))


def epochs(
    settings: dict[str, Any], resume: Path | None = None
) -> Iterator[tuple[dict[str, float], Callable[[Path], None]]]:
    """Train; after each epoch yields its numbers and a function that saves a checkpoint into a folder."""
    images, labels = pictures()
    torch.manual_seed(settings["seed"])
    net = network(settings["dropout"])
    optimizer = torch.optim.SGD(
        net.parameters(), settings["lr"], settings["momentum"], weight_decay=settings["weight_decay"]
    )
    done = 0
    if resume:
        state = torch.load(resume / "state.pt")
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["epoch"]
    for epoch in range(done, settings["epochs"]):
        torch.manual_seed(1000 * settings["seed"] + epoch)  # a resumed training goes on as if it had never stopped
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * (1 + math.cos(math.pi * epoch / settings["epochs"])) / 2
        net.train()
        losses = []
        for batch in torch.randperm(300).split(settings["batch"]):
            loss = cross_entropy(net(images[TRAIN][batch]), labels[TRAIN][batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            scores = net(images[HELD_OUT])
        numbers = {
            "accuracy": (scores.argmax(1) == labels[HELD_OUT]).float().mean().item(),
            "train_loss": sum(losses) / len(losses),
            "val_loss": cross_entropy(scores, labels[HELD_OUT]).item(),
        }
        state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}

        def save(folder: Path, state: dict[str, Any] = state) -> None:
            torch.save(state, folder / "state.pt")

        yield numbers, save
