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
