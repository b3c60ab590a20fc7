"""Training speed against upstream's trainers: `python tests/bench/upstream.py rgbt|yolox|slowfast|refdet [--pairs 10]`.

On the recipe's own sample data, in one process on one thread, upstream's training and ours take turns, epoch by epoch:
theirs, ours, theirs, ours. Same model, batch, augmentation, optimizer, data in memory, and no loader processes.

    rgbt        Ultralytics' own `model.train` on the 4-channel images that `trainables.rgbt.stacked` writes, by the
                configuration that the recipe exports, without the colour shift, which Ultralytics skips at 4 channels
    yolox       a plain loop over upstream's parts: experiment, CocoDataset, MosaicDetection, model, SGD, EMA
    slowfast    a plain loop over pytorchvideo's model; the clips are read and changed by our code on both sides
    refdet      a plain loop over our own model and losses: there is no upstream; it shows what the epoch loop costs

A ratio is theirs over ours in seconds of one pair of neighbouring epochs, so above 1 ours is faster. The first pair is
left out: it warms up.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import cv2
import torch

from trainables.looped import LoopedRecipe
from trainables.registry import find
from trainables.settings import Settings

Between = Callable[["Took"], None]


@dataclass(frozen=True)
class Took:
    """Wall and processor seconds of one epoch's training, and the wall seconds of its evaluation and of its data."""

    wall: float
    cpu: float
    evaluation: float = float("nan")
    data: float = float("nan")


@dataclass(frozen=True)
class Case:
    """What goes on top of the tiny preset, and a word for it."""

    title: str
    values: Mapping[str, Any]


MIXED: dict[str, Any] = {"mosaic": 1.0, "fliplr": 0.5, "translate": 0.1, "scale": 0.5}
LARGER: dict[str, Any] = {"model": "n", "image_size": 320, "batch": 16, "optimizer": "SGD"}
SMOOTH: dict[str, Any] = {"freeze": "none", "mosaic_prob": 1.0, "mixup_prob": 1.0}
YOLOX_S: dict[str, Any] = {"width": 0.5, "input_size": [320, 320], "weights": "none"}
CASES: dict[str, list[Case]] = {
    "rgbt": [
        Case("tiny preset", {}),
        Case("the same with mosaic, flip, shift and scale", MIXED),
        Case("YOLO26n at 320 pixels, batch 16, SGD, with them", MIXED | LARGER),
    ],
    "yolox": [
        Case("tiny preset (stable-v3)", {}),
        Case("the same, nothing frozen, mosaic and mixup always", SMOOTH),
        Case("YOLOX-S at 320 pixels, so too", SMOOTH | YOLOX_S),
    ],
    "slowfast": [Case("tiny preset", {})],
    "refdet": [Case("tiny preset (stage-2)", {})],
}
HEADINGS = (
    *("case", "pairs", "theirs a second", "ours", "ratio of wall time", "ratio of processor time"),
    *("theirs: data + training + evaluation, s", "ours"),
)


class Timed:
    """A training whose parts are timed from outside; see `trainables.loop.Training`."""

    def __init__(self, training: Any) -> None:
        self._training = training
        self.took = Took(0, 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._training, name)

    def train_epoch(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        wall, cpu = time.perf_counter(), time.process_time()
        losses, seconds = self._training.train_epoch(epoch)
        self.took = Took(time.perf_counter() - wall, time.process_time() - cpu, data=seconds["data"])
        return losses, seconds


def ours(recipe: LoopedRecipe, settings: Settings, data: Any, folder: Path) -> Iterator[Took]:
    """Epochs of our own training, by the loop that every recipe is run by."""
    from trainables.loop import epochs

    timed = Timed(recipe.training(settings, data, folder))
    for epoch in epochs(timed, seed=0, identity="", resume=None, settings=settings):
        took = timed.took
        yield Took(took.wall, took.cpu, epoch.seconds["evaluate"], took.data)


def ultralytics(settings: Any, data: Any, folder: Path, between: Between) -> None:
    """Ultralytics' own trainer."""
    from trainables.rgbt.export import write
    from trainables.rgbt.stacked import stack

    config = write(settings, folder)[0]
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
            loss.backward()
            optimizer.step()
            mark = time.perf_counter()
        between(Took(time.perf_counter() - wall, time.process_time() - cpu, data=waited))


def plain_refdet(settings: Any, data: Any, folder: Path, between: Between) -> None:
    """The recipe's model and losses, without everything that surrounds them."""
    import numpy as np

    from trainables.refdet import losses
    from trainables.refdet.episodes import draw
    from trainables.refdet.training import GRADIENT_NORM, RefdetTraining

    built = RefdetTraining(settings, data)
    model, criterion = built.model.train(), losses.DetectionLoss().train()
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
            output = model(episode.frames.float() / 255, episode.references.float() / 255)
            found = criterion(output, episode.objects)
            vectors, frames = losses.object_vectors(output, episode.objects)
            seen = torch.cat((vectors, output.references))
            kinds = torch.cat((episode.classes[frames], episode.classes))
            loss = settings.bbox_weight * found.bbox + settings.cls_weight * found.cls + settings.dfl_weight * found.dfl
            loss = loss + settings.supcon_weight * losses.supervised_contrast(seen, kinds)
            loss = loss + settings.cpe_weight * losses.proposal_contrast(output, found, episode.classes)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
            optimizer.step()
        between(Took(time.perf_counter() - wall, time.process_time() - cpu, data=waited))


UPSTREAM: dict[str, Callable[[Any, Any, Path, Between], None]] = {
    "rgbt": ultralytics, "yolox": plain_yolox, "slowfast": plain_slowfast, "refdet": plain_refdet,
}  # fmt: skip


def trained(recipe: str, settings: Any, data: Any) -> int:
    """Images, clips or query frames of one epoch."""
    if recipe == "refdet":
        return int(settings.n_episodes)
    return len(data.train.labels if recipe == "slowfast" else data.train)


def pairs(name: str, case: Case, data: Any, count: int, folder: Path) -> list[tuple[Took, Took]]:
    """Neighbouring epochs, theirs and ours."""
    recipe = find(name)
    assert isinstance(recipe, LoopedRecipe)
    settings = recipe.settings("tiny", dict(case.values) | {"epochs": count + 1})
    mine = ours(recipe, settings, data, folder)
    found: list[tuple[Took, Took]] = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        UPSTREAM[name](settings, data, folder, lambda theirs: found.append((theirs, next(mine))))
    return found[1:]


def spread(values: list[float], form: str) -> str:
    """Median, least and most."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def row(title: str, count: int, found: list[tuple[Took, Took]]) -> str:
    """A line of the table."""
    theirs, mine = zip(*found, strict=True)
    rates = [f"{count / statistics.median(one.wall for one in side):.1f}" for side in (theirs, mine)]
    wall = spread([other.wall / own.wall for other, own in found], ".2f")
    cpu = spread([other.cpu / own.cpu for other, own in found], ".2f")
    parts = []
    for side in (theirs, mine):
        data, evaluation = (statistics.median(getattr(one, part) for one in side) for part in ("data", "evaluation"))
        rest = statistics.median(one.wall - one.data for one in side)
        parts.append(" + ".join("?" if value != value else f"{value:.2f}" for value in (data, rest, evaluation)))
    return f"| {title} | {len(found)} | {rates[0]} | {rates[1]} | {wall} | {cpu} | {parts[0]} | {parts[1]} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("recipe", choices=list(UPSTREAM))
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--case", type=int, nargs="*", help="which of the recipe's cases, from 0; all if left out")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"| {' | '.join(HEADINGS)} |\n|{' --- |' * len(HEADINGS)}")
    with tempfile.TemporaryDirectory() as scratch:
        recipe = find(given.recipe)
        data = recipe.open(recipe.sample(Path(scratch) / "sample"))
        for index, case in enumerate(CASES[given.recipe]):
            if given.case is None or index in given.case:
                folder = Path(scratch) / str(index)
                folder.mkdir()
                found = pairs(given.recipe, case, data, given.pairs, folder)
                settings = recipe.settings("tiny", dict(case.values))
                print(row(case.title, trained(given.recipe, settings, data), found), flush=True)


if __name__ == "__main__":
    main()
