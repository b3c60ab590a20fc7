"""Rehearses the start of a training, so that one that cannot start is noticed before hours are spent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from trainables.loop_recipe import LoopedRecipe
from trainables.recipe import AnyRecipe
from trainables.settings import Settings

REHEARSED = {"device": "cpu", "workers": 0}
"""Settings with which the rehearsed training begins, in the calling process."""


def can_rehearse(recipe: AnyRecipe) -> bool:
    """Whether a training of `recipe` has a state before its first epoch."""
    return isinstance(recipe, LoopedRecipe) and recipe.saves_untrained


def rehearse(recipe: LoopedRecipe[Any, Any], settings: Settings, data: Any, export: Path) -> None:
    """Begin a training and write into `export` what it would leave before its first epoch: its checkpoint.

    Raises:
        SteadytuneError: the training cannot begin, such as with weights of another size.
    """
    from trainables.loop import save_untrained

    fields = type(settings).model_fields
    rehearsed = settings.model_copy(update={name: value for name, value in REHEARSED.items() if name in fields})
    checkpoint = export / "checkpoint"
    checkpoint.mkdir(parents=True)
    with TemporaryDirectory() as workdir:
        save_untrained(recipe.training(rehearsed, data, Path(workdir)), checkpoint, rehearsed)


def other_classes(data: Any, checkpoint: Path) -> Iterator[str]:
    """How the classes of `data` differ from those of `checkpoint`; nothing if they do not, or one names none."""
    from trainables.loop import class_names

    trained, present = class_names(checkpoint), tuple(getattr(data, "names", ()))
    if not trained or not present or trained == present:
        return
    new = [name for name in present if name not in trained]
    gone = [name for name in trained if name not in present]
    if new:
        yield f"new {', '.join(map(repr, new))}"
    if gone:
        yield f"gone {', '.join(map(repr, gone))}"
    if not new and not gone:
        yield "the same in another order"
