"""Names and texts as MLflow takes them: every key and every text that is written to a store passes through here.

MLflow takes letters and digits of any script, "_", ".", "-", " ", "/" and, where its server does not run on Windows,
":" (`mlflow.utils.validation`). A key may not resolve to another path either: "", ".", "..", "x/", "a//b" are refused.
Class names hold all of these.
"""

from __future__ import annotations

import hashlib
import re

LONGEST_KEY, LONGEST_PARAM, LONGEST_TAG, LONGEST_NOTE = 250, 6000, 5000, 8000
"""Characters; MLflow refuses more."""

_REFUSED = re.compile(r"[^\w. /-]")
_PATH = re.compile(r"^/|(?<=/)/|/$|^\.(?=\.)|(?:^|(?<=/))\.(?=\.?(?:/|$))")
"""What would make a key resolve to another path: empty parts between slashes, and parts "." and ".."."""
_AMBIGUOUS = re.compile(r"-(?=(?:0|[0-9A-F]{2,6})(?:-|[^\w. /]|/(?:/|$)))")
"""A hyphen that would be read as the beginning of an escape."""
_ESCAPE = re.compile(r"-(0|[0-9A-F]{2,6})-")
_EMPTY = "-0-"
_HASH_LENGTH = 12
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def key(name: str) -> str:
    """`name` as a key of MLflow's; different names have different keys, and `name_of` gives the name back.

    A character that MLflow refuses becomes its code between hyphens: "C++" is "C-2B--2B-". A key that would be too
    long is cut and ends with a part of its SHA-256 instead: it stays apart from others, but cannot be read back.
    """
    escaped = _AMBIGUOUS.sub(_escape, name)
    escaped = _PATH.sub(_escape, escaped)
    escaped = _REFUSED.sub(_escape, escaped) or _EMPTY
    if len(escaped) <= LONGEST_KEY:
        return escaped
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{escaped[: LONGEST_KEY - _HASH_LENGTH - 1]}-{digest}"


def name_of(mlflow_key: str) -> str:
    """The name of which `mlflow_key` is the key; if the key was cut, it cannot be read back."""
    return _ESCAPE.sub(lambda match: "" if match[1] == "0" else _character(match), mlflow_key)


def storable(value: object, longest: int) -> str:
    """`value` as text that databases take: at most `longest` characters; NUL and half characters become escapes."""
    return _UNSTORABLE.sub(lambda match: f"\\x{ord(match[0]):02x}" if match[0] == "\0" else _half(match), str(value))[
        :longest
    ]


def _escape(match: re.Match[str]) -> str:
    return f"-{ord(match[0]):02X}-"


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code <= 0x10FFFF else match[0]


def _half(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
