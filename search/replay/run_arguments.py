"""The arguments that a trainer stored with its run: Ultralytics' `args.yaml`, `opt.yaml` of YOLOv5, v7 and v9."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trainables.errors import DataError, first_line
from trainables.logs.csv_table import MAX_EPOCH, parse_number
from trainables.logs.text_file import printable, quoted, read_text

FILES = ("args.yaml", "opt.yaml")
MAX_BYTES = 1 << 18
"""Ultralytics writes some 2 KiB."""


@dataclass(frozen=True)
class RunArguments:
    """What is known of a run.

    Attributes:
        data: the data set as its trainer names it; None if that is not known.
        epochs: how many were planned; None if that is not known.
        settings: all arguments that are text or numbers.
    """

    data: str | None = None
    epochs: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def read_arguments(folder: Path) -> RunArguments:
    """What is written down in `folder`; nothing if none of `FILES` is there.

    Raises:
        DataError: the file is there and cannot be read, or its `epochs` is no number of epochs.
    """
    path = next((folder / name for name in FILES if (folder / name).exists() or (folder / name).is_symlink()), None)
    if path is None:
        return RunArguments()
    values = _scalars(path)
    data, epochs = values.get("data"), values.get("epochs")
    if epochs is not None and (type(epochs) is not int or not 1 <= epochs <= MAX_EPOCH):
        raise DataError(
            f"{printable(path)}: epochs is {quoted(str(epochs))}; it must be a whole number from 1 to {MAX_EPOCH:,}"
        )
    return RunArguments(None if data is None else str(data), epochs, values)


def _scalars(path: Path) -> dict[str, Any]:
    """The `key: value` lines of the file at `path`, without lists and mappings.

    Only the tree is built, no object: no tag can run anything, and an alias to an alias to … is not followed.
    """
    text = read_text(path, MAX_BYTES).text
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DataError(
            f"{printable(path)}{line}: no valid YAML ({printable(error.problem or error.context)})"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{printable(path)}: no valid YAML ({printable(first_line(error))})") from None
    except RecursionError:
        raise DataError(f"{printable(path)}: no valid YAML (too deep)") from None
    if not isinstance(root, yaml.MappingNode):
        problem = "empty" if root is None else "no mapping"
        raise DataError(f"{printable(path)}: is {problem}; it must have `key: value` lines")
    values: dict[str, Any] = {}
    for key, value in root.value:
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode):
            if key.value in values and key.value in ("data", "epochs"):
                raise DataError(f"{printable(path)} line {key.start_mark.line + 1}: {key.value} is given twice")
            values[key.value] = _value(value)
    return values


def _value(node: yaml.ScalarNode) -> Any:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value.lower() in ("true", "yes", "on")
    if kind not in ("int", "float"):
        return node.value
    try:
        number = parse_number(node.value)
    except ValueError:  # such as 0x10, 1_000 or a number of 5,000 digits
        return node.value
    return int(number) if kind == "int" and number is not None else number
