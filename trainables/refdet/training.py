"""One training of the RefDet few-shot guide (document 003), as the shared epoch loop drives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from trainables import device as gpu
from trainables.backends import placed
from trainables.errors import SettingsError
from trainables.loading import Timed
from trainables.loop import seeded
from trainables.precision import Precision, full
from trainables.refdet.data import RefdetData
from trainables.refdet.episodes import Episode, draw, episode_size
from trainables.refdet.evaluation import evaluate
from trainables.refdet.loading import in_order
from trainables.refdet.losses import (
    DetectionLoss,
    background_vectors,
    object_vectors,
    other_vectors,
    proposal_contrast,
    supervised_contrast,
    triplet,
)
from trainables.refdet.model import Output, Refdet, query_backbone, reference_encoder
from trainables.refdet.settings import RefdetSettings
from trainables.refdet.weights import load_weights

FLOOR = 0.01
"""Share of the learning rate at the end of half a cosine. Ours: the guide does not say what follows warm-up."""
GRADIENT_NORM = 10.0
LATE = 0.7
"""Share of the epochs after which the contrasts count half. Technique 3 of the guide: its code halves them in each
epoch from there on, its text says once ("reduce")."""
BASIC_TRIPLETS = 3
"""The stage whose every episode has a triplet loss, unless there are triplet batches."""
PARTS = ("bbox", "cls", "dfl", "supcon", "cpe", "triplet")


class RefdetTraining:
    """AdamW with layer-wise rates on episodes; see `trainables.loop.Training` for the methods.

    Raises:
        CheckpointError: the weights cannot be had.
        SettingsError: an episode needs more classes than there are.
    """

    def __init__(self, settings: RefdetSettings, data: RefdetData) -> None:
        self.epochs = settings.epochs
        self._settings = settings
        self._data = data
        if settings.n_way > len(data.train):
            raise SettingsError(
                f"refdet: n_way is {settings.n_way}, but the data set has {len(data.train)} classes to train on; "
                f"set n_way to {len(data.train)} or less"
            )
        self._device = gpu.device(settings.device)
        with seeded(settings.seed, "model"):
            encoder, backbone = reference_encoder(settings), query_backbone(settings.width)
            self._detector = Refdet(settings, encoder, backbone)
        load_weights(self._detector, settings.weights, settings.reference_weights)
        self.model: nn.Module = placed(self._detector, self._device, settings)
        self._precision = Precision(self._device, settings.mixed_precision)
        self._parameters = list(self._detector.parameters())
        self._detection = DetectionLoss().to(self._device)
        self._frozen = [
            part for part, frozen in ((encoder, settings.freeze_dinov2), (backbone, settings.freeze_backbone)) if frozen
        ]
        for part in self._frozen:
            part.requires_grad_(False)
        self._steps: list[float] = []
        self._optimizer = torch.optim.AdamW(
            _groups(self._detector, settings), lr=settings.lr, weight_decay=settings.weight_decay, foreach=True
        )

    def phase(self, epoch: int) -> str:
        """Warm-up ("warmup") while the learning rate rises, then "base", "meta" or "finetune" by the stage."""
        if epoch <= self._settings.warmup_epochs:
            return "warmup"
        return {1: "base", 2: "meta", 3: "finetune"}[self._settings.stage]

    def steps(self) -> list[float]:
        """See `trainables.loop.Stepwise`."""
        return self._steps

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Train on `n_episodes` episodes; an optimizer step every `gradient_accumulation`."""
        settings = self._settings
        self._begin(epoch)
        self._steps = []
        way, query = episode_size(epoch, settings)
        base = np.random.randint(2**31)  # the loop seeds NumPy from (seed, epoch)

        def make(index: int) -> tuple[bool, Episode]:
            random = np.random.default_rng([base, index])
            triplets = settings.use_triplet and random.random() < settings.triplet_ratio
            frames = max(1, settings.triplet_batch_size // way) if triplets and settings.triplet_batch_size else query
            return triplets, draw(self._data, settings, way, frames, random)

        sums = torch.zeros(1 + len(PARTS), dtype=torch.float64)
        with closing(in_order(make, settings.n_episodes, settings.num_workers)) as prepared:
            episodes = Timed(prepared)
            for index, (triplets, episode) in enumerate(episodes):
                losses = self._losses(episode, triplets, epoch)
                total = torch.stack(list(losses.values())).sum()
                accumulated = settings.gradient_accumulation
                group = min(accumulated, settings.n_episodes - index // accumulated * accumulated)
                self._precision.backward(total / group)
                if (index + 1) % accumulated == 0 or index + 1 == settings.n_episodes:
                    self._precision.unscale(self._optimizer)
                    clip_grad_norm_(self._parameters, GRADIENT_NORM)
                    self._precision.step(self._optimizer)
                    self._optimizer.zero_grad(set_to_none=True)
                values = torch.stack([total, *losses.values()]).detach().double().cpu()
                sums += values
                self._steps.append(float(values[0]))
        mean, *parts = (sums / settings.n_episodes).tolist()
        named = {"train": mean} | {f"train/{name}": part for name, part in zip(PARTS, parts, strict=True)}
        return named, episodes.seconds()

    def evaluate(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """COCO average precision on novel classes, with their references and with those of another class."""
        return evaluate(self._detector, self._detection, self._data, self._settings, self._precision)

    def rates(self) -> dict[str, float]:
        """Learning rates of encoder, backbone, fusion and head."""
        return {group["name"]: float(group["lr"]) for group in self._optimizer.param_groups}

    def state(self) -> dict[str, Any]:
        """Weights, the running mean of WIoU v3 and AdamW's moments; the schedules follow from the epoch alone."""
        return {
            "model": self.model.state_dict(),
            "losses": self._detection.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            **self._precision.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` returned."""
        self.model.load_state_dict(state["model"])
        self._detection.load_state_dict(state["losses"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._precision.load_state(state)

    def _begin(self, epoch: int) -> None:
        settings = self._settings
        self.model.train()
        self._detection.train()
        for part in self._frozen:
            part.eval()
        share = rate_share(epoch, epochs=self.epochs, warmup_epochs=settings.warmup_epochs)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.lr * group["factor"] * share

    def _losses(self, episode: Episode, triplets: bool, epoch: int) -> dict[str, Tensor]:
        """The weighted losses by name.

        A triplet batch has the triplet loss instead of the two contrasts. Stage 3 without such batches has it beside
        them in each episode: the guide's basic stage 3.
        """
        settings, classes = self._settings, episode.classes.to(self._device)
        with self._precision.autocast():
            encoded = self._detector.encode(episode.references.to(self._device).float() / 255)
            pixels = episode.frames.to(self._device).float() / 255
            output = full(self._detector.search(pixels, encoded[classes]))
        objects = [boxes.to(self._device) for boxes in episode.objects]
        detection = self._detection(output, objects)
        zero = torch.zeros((), device=self._device)
        losses = {
            "bbox": settings.bbox_weight * detection.bbox,
            "cls": settings.cls_weight * detection.cls,
            "dfl": settings.dfl_weight * detection.dfl,
            "supcon": zero,
            "cpe": zero,
            "triplet": zero,
        }
        vectors, frames = object_vectors(output, objects)
        if triplets or (settings.stage == BASIC_TRIPLETS and not settings.use_triplet):
            losses["triplet"] = settings.triplet_weight * self._triplet(output, objects, (vectors, frames), classes)
        if not triplets and settings.stage > 1:
            share = 0.5 if settings.contrastive_decay and epoch > LATE * self.epochs else 1.0
            of_class = torch.stack([(classes == kind).nonzero()[0, 0] for kind in range(len(encoded))])
            contrasted = torch.cat((vectors, output.references[of_class]))  # each class's references once
            kinds = torch.cat((classes[frames], classes[of_class]))
            losses["supcon"] = settings.supcon_weight * share * supervised_contrast(contrasted, kinds)
            losses["cpe"] = settings.cpe_weight * share * proposal_contrast(output, detection, classes)
        return losses

    def _triplet(
        self, output: Output, objects: list[Tensor], located: tuple[Tensor, Tensor], classes: Tensor
    ) -> Tensor:
        """The loss of `located`: the objects' vectors and the frames that they are in."""
        vectors, frames = located
        anchors, strategy = output.references[frames], self._settings.negative_strategy
        losses = []
        if strategy != "cross_class":
            losses.append(triplet(anchors, vectors, background_vectors(output, objects, frames)))
        if strategy != "background":
            losses.append(triplet(anchors, vectors, other_vectors(vectors, classes[frames], anchors)))
        return torch.stack(losses).mean()


def new_training(settings: RefdetSettings, data: RefdetData, workdir: Path) -> RefdetTraining:
    """A training from its start; see `trainables.loop_recipe.PackageRecipe`."""
    return RefdetTraining(settings, data)


def rate_share(epoch: int, *, epochs: int, warmup_epochs: int) -> float:
    """Share of the learning rate in `epoch` (from 1): rises evenly in warm-up, then half a cosine to `FLOOR`."""
    if epoch <= warmup_epochs:
        return epoch / warmup_epochs
    done = (epoch - warmup_epochs - 1) / max(1, epochs - warmup_epochs)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * done))


def _groups(model: Refdet, settings: RefdetSettings) -> list[dict[str, Any]]:
    parts: dict[str, tuple[float, list[nn.Module]]] = {
        "dinov2": (settings.dinov2_factor, [model.encoder]),
        "backbone": (settings.backbone_factor, [model.backbone]),
        "fusion": (settings.fusion_factor, [model.fusion, model.reference]),
        "head": (settings.head_factor, [model.head]),
    }
    return [
        {"name": name, "factor": factor, "params": [value for module in modules for value in module.parameters()]}
        for name, (factor, modules) in parts.items()
    ]
