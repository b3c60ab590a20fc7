"""Trainings made of formulas, shaped like ours, for comparing searchers in virtual time: no model, a known best.

A task has 11 or 12 parameters: rates on a logarithmic scale, weights, switches and branches that only matter where they
are open. Its quality has one best place (drawn from the task's seed), with the rate's best place moving with batch and
weight decay. Too high a rate diverges, later with a longer warm-up. Curves start slow or fast and are noisy: an epoch's
noise is 0.010, a training seed's 0.005, of a metric that reaches 0.9.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spaces.space import Draw, ranges
from spaces.value_range import Range

EPOCHS = 27
BEST = 0.9
EPOCH_NOISE = 0.010
SEED_NOISE = 0.005


def detector(draw: Draw) -> None:
    """Like resnet_yolo: one branch, open in ten of eleven draws."""
    draw.float("lr", 1e-5, 1e-1, log=True)
    draw.float("weight_decay", 1e-5, 1e-2, log=True)
    if draw.int("warmup_epochs", 0, 10) > 0:
        draw.float("warmup_start", 0.1, 0.6)
    draw.choice("batch", [1, 2, 4])
    draw.float("box", 2.5, 12.0)
    draw.float("cls", 0.2, 2.0)
    draw.float("gamma", 1.0, 3.0)
    draw.choice("clamp", [True, False])
    draw.float("hsv", 0.0, 1.0)
    draw.float("mosaic", 0.0, 1.0)


def branched(draw: Draw) -> None:
    """Half of the parameters in branches: an optimizer's own, an augmentation's own, one inside the other."""
    draw.float("lr", 1e-5, 1e-1, log=True)
    draw.float("weight_decay", 1e-5, 1e-2, log=True)
    if draw.choice("optimizer", ["adamw", "sgd"]) == "sgd":
        draw.float("momentum", 0.5, 0.99)
    else:
        draw.float("beta2", 0.9, 0.999)
    if draw.int("warmup_epochs", 0, 5) > 0:
        draw.float("warmup_start", 0.05, 0.6)
    if draw.choice("augment", ["none", "light", "mosaic"]) == "mosaic":
        draw.float("mosaic", 0.0, 1.0)
        if draw.choice("close", [True, False]):
            draw.int("close_epochs", 1, 10)
    draw.float("box", 2.5, 12.0)
    draw.float("cls", 0.2, 2.0)


SPACES: dict[str, Callable[[Draw], None]] = {"detector": detector, "branched": branched}


COUPLED = ", coupled"


@dataclass(frozen=True)
class Task:
    """One landscape on one space.

    Attributes:
        name, space: what is drawn from.
        best: where quality is best, by name: a place in [0, 1] of a range, or one of the choices.
        weight: how much of the metric a parameter decides, by name.
        coupling: how far one parameter moves another's best place: 1 mildly, 4 so that neither can be set alone.
        scale, offset: what the metric is multiplied by and moved by: another data set's level.
    """

    name: str
    space: Callable[[Draw], None]
    best: Mapping[str, Any]
    weight: Mapping[str, float]
    scale: float = 1.0
    offset: float = 0.0
    spans: Mapping[str, Range] = field(default_factory=dict)
    coupling: float = 1.0

    @classmethod
    def of(cls, space: str, seed: int) -> Task:
        """The task of `seed` on the space of that name; "…, coupled" for one whose parameters depend on each other."""
        plain = space.removesuffix(COUPLED)
        source = random.Random(f"task/{plain}/{seed}")
        spans = ranges(SPACES[plain])
        best = {name: _best(span, source) for name, span in spans.items()}
        weight = {name: source.uniform(0.02, 0.12) for name in spans} | {"lr": 0.5}
        return cls(space, SPACES[plain], best, weight, spans=spans, coupling=1.0 if space == plain else 4.0)

    def moved(self, distance: float, seed: int, scale: float = 1.0, offset: float = 0.0) -> Task:
        """A related task: each best place moved by about `distance` of its range, on another scale."""
        source = random.Random(f"moved/{seed}")
        best = {
            name: position
            if self.spans[name].kind == "choice"
            else min(0.9, max(0.1, position + source.gauss(0, distance)))
            for name, position in self.best.items()
        }
        return replace(self, best=best, scale=scale, offset=offset)

    def quality(self, drawn: Mapping[str, Any]) -> float:
        """What a training with these values reaches without noise, before `scale` and `offset`."""
        lost = 0.0
        for name, value in drawn.items():
            span = self.spans[name]
            if span.kind == "choice":
                lost += 0.5 * self.weight[name] * (value != self.best[name])
                continue
            position = _position(span, value)
            if name == "lr":
                position += 0.15 * self.coupling * (_position(self.spans["weight_decay"], drawn["weight_decay"]) - 0.5)
                position -= 0.03 * self.coupling * math.log2(drawn.get("batch", 1))
            if name == "box":
                position += 0.15 * (self.coupling - 1) * (_position(self.spans["cls"], drawn["cls"]) - 0.5)
            lost += 4 * self.weight[name] * (position - self.best[name]) ** 2
        return max(0.0, BEST - lost)

    def diverges_at(self, drawn: Mapping[str, Any]) -> int | None:
        """The epoch from which the loss is no number; None if it stays one."""
        limit = self.best["lr"] + 0.18 + 0.01 * drawn.get("warmup_epochs", 0)
        over = _position(self.spans["lr"], drawn["lr"]) - limit
        return None if over <= 0 else 1 + int(3 / (1 + 10 * over))

    def value(self, drawn: Mapping[str, Any], epoch: int, seed: str) -> float | None:
        """The metric after `epoch` of the training `seed`; None once it has diverged."""
        lost_at = self.diverges_at(drawn)
        if lost_at is not None and epoch >= lost_at:
            return None
        speed = 0.12 + 0.5 * _position(self.spans["lr"], drawn["lr"])
        luck = random.Random(f"{seed}").gauss(0, SEED_NOISE)
        noise = random.Random(f"{seed}/{epoch}").gauss(0, EPOCH_NOISE)
        reached = self.quality(drawn) * (1 - math.exp(-speed * epoch)) / (1 - math.exp(-speed * EPOCHS))
        return self.offset + self.scale * (reached + luck + noise)


def _best(span: Range, source: random.Random) -> Any:
    return source.choice(span.choices) if span.kind == "choice" else source.uniform(0.2, 0.8)


def _position(span: Range, value: float) -> float:
    """Where `value` lies in its range, from 0 to 1."""
    if span.log:
        return math.log(value / span.low) / math.log(span.high / span.low)
    return (value - span.low) / (span.high - span.low)
