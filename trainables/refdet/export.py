"""The settings as the command line of the RefDet few-shot guide (document 003)."""

from __future__ import annotations

import shlex

from trainables.refdet.settings import RefdetSettings

COMMAND = "train.sh"
VALUES = (
    *("stage", "epochs", "n_way", "n_query", "n_episodes", "gradient_accumulation", "lr", "weight_decay"),
    *("bbox_weight", "cls_weight", "dfl_weight", "num_workers"),
)
CONTRASTS = ("supcon_weight", "cpe_weight")
TRIPLETS = ("triplet_ratio", "triplet_batch_size", "negative_strategy")


def files(settings: RefdetSettings) -> dict[str, str]:
    """`COMMAND`: the guide's command line `python train.py …`."""
    unnamed = ", ".join(
        f"{name}={value}" for name, value in settings.model_dump().items() if name not in _named(settings)
    )
    text = f"# Written by steadytune. The RefDet few-shot guide's train.py has no argument for: {unnamed}\n"
    text += shlex.join(command(settings)) + "\n"
    return {COMMAND: text}


def command(settings: RefdetSettings) -> list[str]:
    """`settings` as the guide's own arguments, spelt as it spells them."""
    arguments = ["python", "train.py"]
    for name in _named(settings):
        value = getattr(settings, name)
        arguments += [f"--{name}"] if value is True else [] if value is False else [f"--{name}", str(value)]
    return arguments


def _named(settings: RefdetSettings) -> tuple[str, ...]:
    contrasts = CONTRASTS if settings.stage > 1 else ()
    with_triplets = settings.use_triplet or settings.stage == 3
    triplets = ("triplet_weight", "use_triplet", *(TRIPLETS if settings.use_triplet else ()))
    return (*VALUES, *contrasts, *(triplets if with_triplets else ()), "mixed_precision")
