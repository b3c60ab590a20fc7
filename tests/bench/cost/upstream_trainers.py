"""Upstream's trainers, and plain loops where upstream has none that runs here; `upstream.py` times them against ours.

Each trains by the recipe's settings on the recipe's data and tells `between` what an epoch took.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

Between = Callable[["Took"], None]


@dataclass(frozen=True)
class Took:
    """Wall and processor seconds of one epoch's training, and the wall seconds of its evaluation and of its data."""

    wall: float
    cpu: float
    evaluation: float = float("nan")
    data: float = float("nan")


def ultralytics(settings: Any, data: Any, folder: Path, between: Between) -> None:
    """Ultralytics' own trainer."""
    from trainables.rgbt.recipe import Rgbt
    from trainables.rgbt.stacked import stack

    config = Rgbt().export(settings, folder)[0]
    yaml = stack(data, folder, settings.thermal_clahe)
    from ultralytics import YOLO
    from ultralytics.utils import SETTINGS

    dict.update(SETTINGS, {name: False for name, value in SETTINGS.items() if value is True})  # MLflow and the like
    marks: dict[str, tuple[float, float]] = {}

    def mark(name: str) -> Callable[[Any], None]:
        return lambda trainer: marks.update({name: (time.perf_counter(), time.process_time())})

    def ended(trainer: Any) -> None:
        if "trained" in marks:  # Ultralytics says so once more after its final evaluation
            began, trained = marks["began"], marks.pop("trained")
            between(Took(trained[0] - began[0], trained[1] - began[1], time.perf_counter() - trained[0]))

    model = YOLO(str(folder / f"yolo26{settings.model}.yaml"), verbose=False)
    model.add_callback("on_train_epoch_start", mark("began"))
    model.add_callback("on_train_epoch_end", mark("trained"))
    model.add_callback("on_fit_epoch_end", ended)
    model.train(
        cfg=str(config), data=str(yaml), cache="ram", plots=False, save=False, verbose=False, project=str(folder)
    )


def plain_yolox(settings: Any, data: Any, folder: Path, between: Between) -> None:
    """Upstream's parts as its trainer puts them together, without that trainer, which knows only CUDA."""
    from yolox.config import YoloxConfig
    from yolox.utils import ModelEMA

    from trainables.yolox.training import experiment

    exp = YoloxConfig("plain")
    tuned = vars(experiment(settings, len(data.names)))
    for name in vars(exp).keys() | {name for name in tuned if hasattr(exp, name)}:
        setattr(exp, name, tuned[name])
    exp.scheduler = "yoloxwarmcos"
    root = data.train[0].path.parent.parent
    exp.data_dir, exp.train_img_dir = str(root), data.train[0].path.parent.name
    exp.train_ann = f"instances_{exp.train_img_dir}.json"
    exp.exp_name = "plain"
    model = exp.get_model()
    frozen = {"none": [], "backbone": [model.backbone.backbone], "backbone+neck": [model.backbone]}[settings.freeze]
    for part in frozen:
        part.requires_grad_(False)
    optimizer = exp.get_optimizer(settings.batch)
    ema = ModelEMA(model, 0.9998)
    exp.dataset = exp.get_dataset(cache=True, cache_type="ram")
    loader = exp.get_data_loader(settings.batch, is_distributed=False, cache_img="ram")
    schedule = exp.get_lr_scheduler(exp.basic_lr_per_img * settings.batch, len(loader))
    model.train()
    for part in frozen:
        part.eval()
    batches = iter(loader)
    steps, step = len(data.train) // settings.batch, 0
    for _ in range(settings.epochs):
        wall, cpu, waited = time.perf_counter(), time.process_time(), 0.0
        for _ in range(steps):
            mark = time.perf_counter()
            pixels, targets, _, _ = next(batches)
            waited += time.perf_counter() - mark
            pixels, targets = exp.preprocess(pixels, targets, exp.input_size)
            loss = model(pixels, targets)["total_loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            ema.update(model)
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = schedule.update_lr(step)
        between(Took(time.perf_counter() - wall, time.process_time() - cpu, data=waited))


def plain_slowfast(settings: Any, data: Any, folder: Path, between: Between) -> None:
    """pytorchvideo's model, torch's cross entropy and AdamW."""
    from pytorchvideo.models.slowfast import create_slowfast
    from torch.utils.data import DataLoader

    from trainables.slowfast.clips import TrainingClips
    from trainables.slowfast.training import new_network

    span = float(data.train.frames.min()), float(data.train.frames.max())
    loader = DataLoader(TrainingClips(data.train, settings, span), settings.batch, shuffle=True)
    arguments = new_network(settings, len(data.names)).arguments
    model = create_slowfast(**arguments, head_pool=torch.nn.AdaptiveAvgPool3d)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    model.train()
    for _ in range(settings.epochs):
        wall, cpu, waited = time.perf_counter(), time.process_time(), 0.0
        mark = wall
        for clips, classes in loader:
            waited += time.perf_counter() - mark
            loss = torch.nn.functional.cross_entropy(model([clips[:, :, :: settings.alpha], clips]), classes)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            mark = time.perf_counter()
        between(Took(time.perf_counter() - wall, time.process_time() - cpu, data=waited))


def plain_refdet(settings: Any, data: Any, folder: Path, between: Between) -> None:
    """The recipe's model and losses, without everything that surrounds them."""
    import numpy as np

    from trainables.refdet import losses
    from trainables.refdet.episodes import draw
    from trainables.refdet.model import Refdet
    from trainables.refdet.training import GRADIENT_NORM, RefdetTraining

    built = RefdetTraining(settings, data)
    model, criterion = built.model.train(), losses.DetectionLoss().train()
    assert isinstance(model, Refdet)
    model.encoder.eval()
    optimizer = torch.optim.AdamW(
        [part for part in model.parameters() if part.requires_grad], lr=settings.lr, weight_decay=settings.weight_decay
    )
    random = np.random.default_rng(0)
    for _ in range(settings.epochs):
        wall, cpu, waited = time.perf_counter(), time.process_time(), 0.0
        for _ in range(settings.n_episodes):
            mark = time.perf_counter()
            episode = draw(data, settings, settings.n_way, settings.n_query, random)
            waited += time.perf_counter() - mark
            codes = model.encode(episode.references.float() / 255)
            output = model.search(episode.frames.float() / 255, codes[episode.classes])
            parts = criterion(output, episode.objects)
            vectors, frames = losses.object_vectors(output, episode.objects)
            of_class = torch.stack([(episode.classes == kind).nonzero()[0, 0] for kind in range(len(codes))])
            seen = torch.cat((vectors, output.references[of_class]))
            kinds = torch.cat((episode.classes[frames], episode.classes[of_class]))
            loss = settings.bbox_weight * parts.bbox + settings.cls_weight * parts.cls + settings.dfl_weight * parts.dfl
            loss = loss + settings.supcon_weight * losses.supervised_contrast(seen, kinds)
            loss = loss + settings.cpe_weight * losses.proposal_contrast(output, parts, episode.classes)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
        between(Took(time.perf_counter() - wall, time.process_time() - cpu, data=waited))


UPSTREAM: dict[str, Callable[[Any, Any, Path, Between], None]] = {
    "rgbt": ultralytics, "yolox": plain_yolox, "slowfast": plain_slowfast, "refdet": plain_refdet,
}  # fmt: skip
