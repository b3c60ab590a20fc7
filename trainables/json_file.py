"""The one reader of JSON files that come from elsewhere: nothing in them ends in a traceback or takes all memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainables.errors import DataError
from trainables.limits import limits, variable
from trainables.regular_file import read_regular

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(
    file: Path, fix: str, object_hook: Callable[[dict[str, Any]], Any] | None = None, limit: str = "json_bytes"
) -> Any:
    """What the JSON file holds.

    Args:
        file: UTF-8, with or without a byte order mark.
        fix: ends the complaint: what it must be.
        object_hook: what to take in place of each object, as `json.loads` calls it.
        limit: name of the limit on its bytes.

    Raises:
        DataError: no regular file, no valid JSON (with the line), nested too deep, a number of thousands of digits,
            half of a surrogate pair, or more values than the limit.
    """
    content, _ = read_regular(file, limit)
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
    escapes = b"\\u" in content and re.search(rb"\\u[dD][89a-fA-F]", content) is not None
    del content
    try:
        loaded = json.loads(text, object_hook=object_hook)
    except json.JSONDecodeError as error:
        raise DataError(f"{file} line {error.lineno}: not valid JSON ({error.msg}); {fix}") from None
    except RecursionError:
        raise DataError(f"{file}: is nested too deep; {fix}") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{file}: cannot be read ({str(error).partition(';')[0]}); {fix}") from None
    if escapes and _holds_surrogate(loaded):
        raise DataError(f"{file}: holds half of a surrogate pair, which is no text; {fix}")
    return loaded


def _holds_surrogate(loaded: Any) -> bool:
    if isinstance(loaded, str):
        return _SURROGATE.search(loaded) is not None
    if isinstance(loaded, dict):
        return any(_holds_surrogate(part) for pair in loaded.items() for part in pair)
    return isinstance(loaded, list) and any(map(_holds_surrogate, loaded))
