"""Reads JSON files that may come from elsewhere: no content leads to a traceback or takes up all memory."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

from trainables.errors import DataError
from trainables.limits import limits, variable
from trainables.regular_file import read_regular

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(file: Path, fix: str, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """What the JSON file holds.

    Args:
        file: UTF-8, with or without a byte order mark.
        fix: ends the complaint: what it must be.
        object_hook: what to take in place of each object, as `json.loads` calls it.

    Raises:
        DataError: no regular file, no valid JSON (with the line), nested too deep, a number of thousands of digits,
            half of a surrogate pair, a key twice in one object (Python alone would keep the last), or more values than
            the limit.
    """
    content, _ = read_regular(file, "json_bytes")
    values = sum(content.count(sign) for sign in (b",", b"[", b"{"))
    if values > limits().json_values:
        raise DataError(
            f"{file}: holds {values:,} values; at most {limits().json_values:,} are read, so split it, or raise "
            f"{variable('json_values')}"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: is no UTF-8 text ({error.reason} at byte {error.start}); {fix}") from None
    del content
    return parse_json(text, file, fix, object_hook)


def parse_json(
    text: str,
    file: Path,
    fix: str,
    object_hook: Callable[[dict[str, Any]], Any] | None = None,
    line: int | None = None,
) -> Any:
    """What the JSON `text` stands for, which is all of `file` or its line of that number. Raises as `read_json`."""
    where = f"{file} line {line}" if line else str(file)

    def once(pairs: list[tuple[str, Any]]) -> Any:
        entry = dict(pairs)
        if len(entry) < len(pairs):
            ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
            raise DataError(f"{where}: key {key[:80]!r} is given twice in one object; {fix}")
        return object_hook(entry) if object_hook else entry

    try:
        loaded = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise DataError(f"{file} line {line or error.lineno}: not valid JSON ({error.msg}); {fix}") from None
    except DataError:
        raise
    except RecursionError:
        raise DataError(f"{where}: is nested too deep; {fix}") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{where}: cannot be read ({str(error).partition(';')[0]}); {fix}") from None
    if _ESCAPED_SURROGATE.search(text) and _holds_surrogate(loaded):
        raise DataError(f"{where}: holds half of a surrogate pair, which is no text; {fix}")
    return loaded


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of JSON is a finite number. Its whole numbers may be beyond any float, which counts as none."""
    most = sys.float_info.max
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -most <= value <= most


def as_float(value: float) -> float:
    """A number of JSON; a whole one that is beyond any float is infinite, as `1e999` is."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _holds_surrogate(loaded: Any) -> bool:
    if isinstance(loaded, str):
        return _SURROGATE.search(loaded) is not None
    if isinstance(loaded, dict):
        return any(_holds_surrogate(part) for pair in loaded.items() for part in pair)
    return isinstance(loaded, list) and any(map(_holds_surrogate, loaded))
