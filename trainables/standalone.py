"""One training, without a sweep: the same generator that a sweep's workers drive."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables import checkpoint, registry
from trainables.errors import CheckpointError, SettingsError, TrainingLostError
from trainables.loop_recipe import matched
from trainables.recipe import AnyRecipe, Epoch
from trainables.settings import parse_stored, read_yaml


def train(
    name: str,
    data: Path,
    preset: str,
    training: str | None,
    values: Mapping[str, Any],
    out: Path,
    resume: Path | None,
    patience: int | None = None,
) -> Iterator[str]:
    """Train, yielding one line per epoch; the newest and the best checkpoint stay in `out/checkpoints`.

    Args:
        name: recipe.
        data: of the recipe's kind.
        preset: of the recipe.
        training: named one, on top of the preset.
        values: settings on top of both.
        out: folder for checkpoints.
        resume: checkpoint to continue from. The best epoch before it is not known, so checkpoints in `out` stay.
        patience: epochs without a new best after which the training ends (20 in the thermal SlowFast report,
            document 004); None for never. A sweep has its scheduler for that.

    Raises:
        SteadytuneError: settings, data or checkpoint are wrong, or `out` cannot be written.
        TrainingLostError: the weights or the losses are no finite numbers any more.
    """
    recipe = registry.find(name)
    settings = recipe.settings(preset, values, training)
    if resume is not None:
        _check_resume(resume)
    opened = recipe.open(data)
    folder = _checkpoints(out)
    best: Epoch | None = None
    earlier = set(checkpoint.found(folder)) if resume is not None else set()  # the best so far may be among them
    for epoch in recipe.train(settings, opened, out, resume):
        _check_alive(epoch)
        best = epoch if best is None or _better(recipe, epoch, best) else best
        if epoch.saves:
            checkpoint.write(folder, epoch.epoch, epoch.save)
        for number, path in checkpoint.found(folder).items():
            if number not in earlier | {best.epoch, epoch.epoch}:
                checkpoint.remove(path)
        yield _line(epoch)
        if patience is not None and epoch.epoch - best.epoch >= patience:
            missing = f"no better {recipe.metric} than epoch {best.epoch}'s for {patience} epochs"
            yield f"epoch {epoch.epoch}: {missing}; stopped"
            break
    if best is not None:
        value = best.metrics.get(recipe.metric, float("nan"))
        yield f"best: epoch {best.epoch}, {recipe.metric} {value:.4f}, in {folder}"


def _check_resume(directory: Path) -> None:
    if not directory.is_dir():
        raise CheckpointError(f"resume is {directory}; no such checkpoint directory, give one such as epoch-0007")
    if not any(path.is_file() for path in directory.glob("state.*")):
        raise CheckpointError(f"resume is {directory}; it holds no state, so give a checkpoint such as epoch-0007")
    checkpoint.check(directory)


def _checkpoints(out: Path) -> Path:
    """The folder for checkpoints in `out`."""
    folder = out / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be written ({str(error.strerror).lower()}); give a folder"
        raise SettingsError(f"--out is {out}; {reason}") from None
    return folder


def _check_alive(epoch: Epoch) -> None:
    """Raise TrainingLostError if the recipe has given up, or a loss is no finite number."""
    problem = f"{epoch.alarm.reason}: {epoch.alarm.detail}" if epoch.alarm else ""
    for name, loss in epoch.losses.items():
        problem = problem or ("" if math.isfinite(loss) else f"{name} is {loss}")
    if problem:
        raise TrainingLostError(f"epoch {epoch.epoch}: {problem}; the training is lost")


def evaluate(
    directory: Path, data: Path, name: str | None, config: Path | None, values: Mapping[str, Any]
) -> Iterator[str]:
    """Evaluate a checkpoint on the held-out split of `data`, yielding one line per metric.

    Classes are matched by their names; one that only checkpoint or data have is named in a line of its own.

    Args:
        directory: checkpoint such as epoch-0007.
        data: of the recipe's kind.
        name: recipe; the one that wrote the checkpoint if None.
        config: complete settings; those beside the checkpoint's weights if None.
        values: on top of them.

    Raises:
        SteadytuneError: checkpoint, settings or data are wrong.
    """
    from trainables.loop import SETTINGS, recipe_of

    checkpoint.check(directory)
    recipe = registry.find(name or recipe_of(directory))
    file = config or directory / SETTINGS
    settings = parse_stored(recipe.settings_type, {**read_yaml(file), **values}, str(file))
    with tempfile.TemporaryDirectory() as workdir:
        opened = recipe.open(data)
        if classes := matched(opened, directory):
            yield from classes.notes()
        metrics = recipe.evaluate(settings, opened, Path(workdir), directory)
        for metric, value in metrics.items():
            yield f"{metric} {value:.4f}"


def _better(recipe: AnyRecipe, epoch: Epoch, best: Epoch) -> bool:
    """Whether `epoch` has a better objective than `best`; one that was not evaluated is never better."""
    sign = 1.0 if recipe.mode == "max" else -1.0
    worst = -sign * math.inf
    return sign * epoch.metrics.get(recipe.metric, worst) > sign * best.metrics.get(recipe.metric, worst)


def _line(epoch: Epoch) -> str:
    metrics = " ".join(f"{name} {value:.4f}" for name, value in epoch.metrics.items())
    losses = " ".join(f"{name} {value:.4g}" for name, value in epoch.losses.items())
    return f"epoch {epoch.epoch} ({epoch.phase}): {metrics} | {losses} | {sum(epoch.seconds.values()):.1f} s"
