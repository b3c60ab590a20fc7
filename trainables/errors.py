"""The errors for users' mistakes: one sentence each.

Every message names the field or file, the value, the rule that it breaks and how to correct it. The command line prints
the message alone and exits with code 2. Any other exception is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

LONGEST = 2000
"""Characters of a message. Values and paths in it may come from a hostile file."""
_IN_A_PROCESS = "\nOriginal Traceback (most recent call last):\n"
"""In what torch's loaders make of an error in one of their processes: the traceback, whose last line is the message."""


class SteadytuneError(ValueError):
    """Root of every error that the user can mend."""

    def __init__(self, message: str = "") -> None:
        super().__init__(_in_one_line(message))


def _in_one_line(message: str) -> str:
    if _IN_A_PROCESS in message:
        message = message.strip().rpartition("\n")[2].partition("Error: ")[2]
    message = message.replace("\n", "\\n")
    if len(message) > LONGEST:
        message = f"{message[: LONGEST // 2]}…{message[-LONGEST // 2 :]}"
    return message


class SettingsError(SteadytuneError):
    """A field of a settings or sweep file is unknown, missing or out of its range."""


class DataError(SteadytuneError):
    """A data set cannot be trained on; names the file and, where there is one, the line."""


class CheckpointError(SteadytuneError):
    """A checkpoint is missing, incomplete or of another recipe."""


class KilledError(SteadytuneError):
    """The training's process was ended by a signal, from outside or in a crash. It may continue from its checkpoint."""


class TrainingLostError(Exception):
    """A training that cannot go on and leaves no model, although all its settings are valid."""


def no_data_at(data: str, recipe: str) -> DataError:
    """The error of a path `data` that does not exist. For a relative one it names the folder that it is relative to."""
    folder = "" if Path(data).is_absolute() else f" in {Path.cwd()}"
    sample = f"`steadytune sample {recipe} DIR` writes a small data set to try"
    return DataError(f"data is {data}; no such file or folder{folder}: mend the path ({sample})")


def first_line(error: BaseException) -> str:
    """The first line of what `error` says; its type's name if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def first_few(names: Sequence[str], most: int = 5) -> str:
    """`names` for a sentence: the first `most` of them, and how many more there are; "" if there are none."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


SYNONYMS = (
    {"lr", "lr0", "learning_rate", "learningrate", "base_lr", "init_lr", "max_lr"},
    {"batch", "batch_size", "batchsize", "bs", "train_batch_size"},
    {"imgsz", "image_size", "img_size", "imagesize", "input_size", "size", "resolution"},
    {"epochs", "num_epochs", "n_epochs", "max_epochs", "total_epochs", "num_train_epochs"},
    {"weight_decay", "wd", "decay", "l2"},
    {"dropout", "dropout_rate", "drop_rate", "drop"},
    {"warmup_epochs", "warmup", "num_warmup_epochs"},
    {"momentum", "beta1"},
    {"seed", "random_seed", "random_state", "manual_seed"},
    {"optimizer", "optim", "optimiser"},
    {"choices", "values", "options"},
    {"low", "min", "lower", "minimum"},
    {"high", "max", "upper", "maximum"},
)
"""Words that other programs have for the same setting."""


def _synonyms(name: str, valid: Iterable[str]) -> list[str]:
    """Those of the `valid` names that mean the same as `name`."""
    groups = [group for group in SYNONYMS if name.lower().replace("-", "_") in group]
    return [other for other in valid if any(other in group for group in groups) and other != name]


MOST_NAMES = 20
"""If there are more valid names than this, only those close to the typed one are listed."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """The hint for a wrong `name`: the closest valid one, and all of them unless there are many."""
    names = sorted(valid)
    closest = hint(name, names, "did you mean {!r}?")
    if closest and len(names) > MOST_NAMES:
        return closest
    return f"{closest}{' ' if closest else ''}valid: {', '.join(names) or 'none'}"


def hint(name: str, valid: Iterable[str], question: str) -> str:
    """`question` about the valid name that is closest to a wrong `name`; "" if none is close."""
    if name.isdigit():  # another number is no misspelt one
        return ""
    names = list(valid)
    by_small_letters = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), by_small_letters, n=1, cutoff=0.6)
    closest = _synonyms(name, names) or [by_small_letters[other] for other in close] or _holding(name, names)
    return question.format(closest[0]) if closest else ""


def _holding(name: str, valid: Iterable[str]) -> list[str]:
    """Those of the `valid` names that have `name` in them, in whatever letters: metrics/mAP50(B) has map50."""
    return [other for other in valid if len(name) > 2 and name.lower() in other.lower()]
