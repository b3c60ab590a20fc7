"""The command line as the tests call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Said = tuple[int, str, str]
"""Exit code, standard output, standard error."""
Steadytune = Callable[..., Said]


def strict(text: str) -> Any:
    """JSON as every reader takes it, without Python's NaN and Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)
