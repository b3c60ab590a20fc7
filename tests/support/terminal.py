"""The command line as the tests call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console, RenderableType

Said = tuple[int, str, str]
"""Exit code, standard output, standard error."""
Steadytune = Callable[..., Said]


def strict(text: str) -> Any:
    """JSON as every reader takes it, without Python's NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def lines_of(items: Iterable[RenderableType], width: int = 200) -> list[str]:
    """What a terminal of `width` columns shows of `items`."""
    console = Console(width=width, no_color=True, highlight=False, legacy_windows=False)
    with console.capture() as capture:
        for item in items:
            console.print(item)
    return [line.rstrip() for line in capture.get().splitlines()]


def check_sentence(steadytune: Steadytune, arguments: list[str], words: str) -> None:
    """Check that the command line is refused with one sentence of ours, which has `words` in it."""
    code, _, error = steadytune(*arguments)
    assert (code, error.count("\n")) == (2, 1), error
    assert error.startswith("steadytune: ")
    assert words in error
    for theirs in (
        "Input should",
        "valid integer",
        "valid dictionary",
        "parse string",
        "Errno",
        "pydantic",
        "Traceback",
    ):
        assert theirs not in error
